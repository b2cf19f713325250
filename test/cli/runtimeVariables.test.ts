/** Variables and files by which Bun would run other code, or print secrets. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { live } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { minimalThingsBoard } from "../support/minimalThingsBoard.ts"
import { main, runProgram, startProgram } from "../support/program.ts"
import { apiKey } from "../support/startServe.ts"

const bundle = readFileSync(join(import.meta.dir, "..", "..", "scripts", "bundle.ts"), "utf8")

describe("variables of the runtime", () => {
  live(
    "that load other code or print secrets are refused by every command, all at once",
    () =>
      Effect.gen(function* () {
        const set = {
          BUN_OPTIONS: "--smol",
          BUN_INSPECT_CONNECT_TO: "unix:///nowhere",
          BUN_CONFIG_VERBOSE_FETCH: "curl",
          ALLOW_BUN_OPTIONS: "no"
        }
        for (const command of [["serve"], ["doctor"], ["keys", "list"], ["ready"], ["openapi"]]) {
          const { exitCode, stderr, stdout } = yield* runProgram(command, set)
          expect([command, exitCode, stdout]).toEqual([command, 2, ""])
          for (const name of ["BUN_OPTIONS", "BUN_INSPECT_CONNECT_TO", "BUN_CONFIG_VERBOSE_FETCH"]) expect(stderr).toContain(`  ${name} `)
          expect(stderr).not.toContain("smol")
        }
      }),
    120_000
  )

  live(
    "are refused before anything is sent to ThingsBoard, so that no password is printed",
    () =>
      Effect.gen(function* () {
        const upstream = yield* minimalThingsBoard({})
        const environment = { TB_HOST: upstream.url, TB_USERNAME: canaries.username, TB_PASSWORD: canaries.password, API_KEY: apiKey }
        const { exitCode, stderr } = yield* runProgram(["doctor"], { ...environment, BUN_CONFIG_VERBOSE_FETCH: "1" })
        expect([exitCode, upstream.requests]).toEqual([2, []])
        expect(stderr).toContain("BUN_CONFIG_VERBOSE_FETCH prints every request to ThingsBoard with its password or token")
      }),
    120_000
  )

  live(
    "are allowed by the environment, not by a .env",
    () =>
      Effect.gen(function* () {
        const allowed = yield* runProgram(["config", "sample"], { BUN_OPTIONS: "--smol", ALLOW_BUN_OPTIONS: "true" })
        expect([allowed.exitCode, allowed.stderr]).toEqual([0, ""])
        const files = { ".env": "ALLOW_BUN_OPTIONS=true" }
        expect((yield* runProgram(["config", "show"], { BUN_OPTIONS: "--smol" }, files)).stderr).toContain("  BUN_OPTIONS ")
        const shown = yield* runProgram(["config", "show"], { API_KEY: apiKey, TB_API_KEY: canaries.apiKey }, files)
        expect([shown.exitCode, shown.stderr]).toEqual([2, expect.stringContaining("ALLOW_BUN_OPTIONS is read from the environment only")])
      }),
    120_000
  )
})

live("the command of the npm package ignores .env and bunfig.toml of the working directory, as far as Bun reads them", () =>
  Effect.gen(function* () {
    const [, , ...command] = /banner: "#!(.*)"/.exec(bundle)![1]!.split(" ")
    const files = { "bunfig.toml": 'preload = ["./other.ts"]\n', "other.ts": 'console.log("other code")\n', ".env": "BUN_OPTIONS=--smol" }
    const program = yield* startProgram(["--version"], {}, files, [process.execPath, ...command.slice(1), main])
    expect(command[0]).toBe("bun")
    expect(yield* program.exited).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^boardwalk v[\d.]+\n$/), stderr: "" })
  })
)
