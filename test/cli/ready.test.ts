import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { runProgram } from "../support/program.ts"
import { startServe } from "../support/startServe.ts"

describe("boardwalk ready", () => {
  live("calls the gateway with the same configuration", () =>
    Effect.gen(function* () {
      const { environment, url } = yield* startServe()
      const { port } = new URL(url)
      expect(yield* runProgram(["ready"], { ...environment, PORT: port })).toMatchObject({ exitCode: 0, stdout: "ready\n" })
      expect(yield* runProgram(["ready", "--live", "--url", url])).toMatchObject({ exitCode: 0, stdout: "running\n" })
    })
  )

  live("reports what is wrong if the gateway is not ready", () =>
    Effect.gen(function* () {
      const { url } = yield* startServe({}, { TB_PASSWORD: canaries.wrongPassword })
      const { exitCode, stderr } = yield* runProgram(["ready", "--url", url])
      expect(exitCode).toBe(1)
      expect(stderr).toContain("responded with 503. login:")
      expect(stderr).not.toContain("canary")
      expect((yield* runProgram(["ready", "--live", "--url", url])).exitCode).toBe(0)
    })
  )

  live("exits with 1 if no gateway is running", () =>
    Effect.gen(function* () {
      expect(yield* runProgram(["ready", "--url", "http://127.0.0.1:9"])).toMatchObject({
        exitCode: 1,
        stderr: "boardwalk: No response from http://127.0.0.1:9/ready.\n"
      })
    })
  )
})
