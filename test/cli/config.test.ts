import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { runProgram } from "../support/program.ts"
import { apiKey } from "../support/startServe.ts"

describe("boardwalk config", () => {
  live("shows the settings in effect without secrets", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* runProgram(
        ["config", "show"],
        { API_KEY: apiKey, TB_USERNAME: "u", TB_PASSWORD: canaries.wrongPassword },
        { ".env": "PORT=9000  # from the file" }
      )
      expect(exitCode).toBe(0)
      expect(stdout).toMatch(/^PORT +9000 +\.env$/m)
      expect(stdout).toMatch(/^API_KEY +\(hidden\) +environment$/m)
      expect(stdout).not.toContain("canary")
    })
  )

  live("prints a sample that can be redirected to .env", () =>
    Effect.gen(function* () {
      const sample = yield* Effect.promise(() => Bun.file(new URL("../../.env.sample", import.meta.url)).text())
      expect(yield* runProgram(["config", "sample"])).toMatchObject({ exitCode: 0, stdout: sample, stderr: "" })
    })
  )
})
