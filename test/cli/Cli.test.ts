import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/effectTest.ts"
import { runProgram } from "../support/program.ts"

describe("boardwalk", () => {
  live(
    "reports a usage error in one line with a hint and exit code 2, and prints nothing to standard output",
    () =>
      Effect.gen(function* () {
        const wrong = [
          [["serv"], "serve"],
          [["keys", "create", "--name", "x", "--scope", "devices:raed"], "devices:read"],
          [["export", "--device", "x"], "BOARDWALK_KEY"],
          [["config", "show", "--jsno"], "--json"],
          [["emulator", "--port", "many"], "--port"]
        ] as const
        for (const [args, expected] of wrong) {
          const { exitCode, stderr, stdout } = yield* runProgram(args, { API_KEYS_FILE: "keys.json" })
          expect([args, exitCode, stdout]).toEqual([args, 2, ""])
          expect(stderr).toContain("--help")
          expect(stderr).not.toContain("USAGE")
          expect(stderr).toContain(expected)
        }
      }),
    120_000
  )

  live("lists the subcommands of a command that needs one, with exit code 2", () =>
    Effect.gen(function* () {
      const { exitCode, stderr, stdout } = yield* runProgram(["keys"])
      expect([exitCode, stdout]).toEqual([2, ""])
      expect(stderr).toContain("SUBCOMMANDS\n  create ")
    })
  )

  live(
    "prints requested help to standard output",
    () =>
      Effect.gen(function* () {
        for (const args of [[], ["--help"], ["keys", "--help"], ["keys", "create", "--help"]]) {
          const { exitCode, stderr, stdout } = yield* runProgram(args)
          expect([args, exitCode, stderr]).toEqual([args, 0, ""])
          expect(stdout).toContain("USAGE")
        }
        for (const verb of ["create", "list", "revoke", "enable", "extend", "verify"])
          expect((yield* runProgram(["keys", verb, "--help"])).stdout).toContain(`EXAMPLES\n  # `)
      }),
    120_000
  )

  live("prints the OpenAPI document without a configuration", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* runProgram(["openapi"])
      expect(exitCode).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ openapi: "3.1.0", info: { title: "Boardwalk" } })
    })
  )
})
