import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/it.ts"
import { run } from "../support/program.ts"

describe("boardwalk", () => {
  live("answers wrong use with help and exit code 2", () =>
    Effect.gen(function* () {
      const { exitCode, stderr } = yield* run(["serv"])
      expect(exitCode).toBe(2)
      expect(stderr).toContain("serve")
    })
  )

  live("prints the contract without a configuration", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* run(["openapi"])
      expect(exitCode).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ openapi: "3.1.0", info: { title: "Boardwalk" } })
    })
  )
})
