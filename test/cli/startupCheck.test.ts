/** A gateway that cannot log in says so when it starts, and a settings file with an error names the line. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { runProgram, startProgram } from "../support/program.ts"
import { apiKey, startServe } from "../support/startServe.ts"

const enough = { TB_HOST: "http://127.0.0.1:9", TB_USERNAME: "u", TB_PASSWORD: canaries.password, API_KEY: apiKey }

describe("boardwalk serve checks ThingsBoard when it starts", () => {
  live("says that it is logged in", () =>
    Effect.gen(function* () {
      const { program } = yield* startServe()
      yield* program.waitForOutput(/Logged in to ThingsBoard/)
    })
  )

  live("reports a wrong password without any request", () =>
    Effect.gen(function* () {
      const { program } = yield* startServe({}, { TB_PASSWORD: "not the password" })
      yield* program.waitForOutput(/ThingsBoard rejected .*boardwalk doctor/)
      expect(program.output()).not.toContain("not the password")
    })
  )

  live("reports an unreachable ThingsBoard without any request", () =>
    Effect.gen(function* () {
      const { program } = yield* startServe({}, { TB_HOST: enough.TB_HOST })
      yield* program.waitForOutput(/ThingsBoard .*TB_HOST.*boardwalk doctor/)
    })
  )
})

describe("the settings file", () => {
  live("is rejected with the line of each error, and without its values", () =>
    Effect.gen(function* () {
      const { exitCode, stderr, stdout } = yield* runProgram(["serve"], enough, {
        ".env": 'PORT=9000\ncanary-without-equals-sign\n# fine\nTB_TIMEOUT="10\ncanary\n'
      })
      expect([exitCode, stdout]).toEqual([2, ""])
      expect(stderr).toMatch(/\.env:2 is not NAME=value/)
      expect(stderr).toMatch(/\.env:4 sets TB_TIMEOUT to a value whose quote is not closed/)
      expect(stderr).not.toContain("canary")
    })
  )

  live("may contain variables of others, but a misspelled setting is named with its line", () =>
    Effect.gen(function* () {
      const files = { ".env": "COMPOSE_PROJECT_NAME=x\nTB_TIMOUT=10\n" }
      const program = yield* startProgram(["serve", "--port", "0"], { ...enough, HOST: "127.0.0.1" }, files)
      yield* program.waitForOutput(/\.env:2 sets TB_TIMOUT, which is no setting; did you mean TB_TIMEOUT\?/)
      expect(program.output()).not.toContain("COMPOSE_PROJECT_NAME")
      const { API_KEY: _, ...withoutKey } = enough
      const refused = yield* runProgram(["serve"], withoutKey, files)
      expect(refused.exitCode).toBe(2)
      expect(refused.stderr).toContain("did you mean TB_TIMEOUT?")
    })
  )
})
