/** Which settings file commands read, and what a file in the working directory cannot do: redirect secrets that it does not contain. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { chmod } from "node:fs/promises"
import { join } from "node:path"
import { live } from "../support/effectTest.ts"
import { renderKeyFile } from "../support/keyFile.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { minimalThingsBoard } from "../support/minimalThingsBoard.ts"
import { boardwalk, runProgram, startProgram } from "../support/program.ts"
import { apiKey, startServe } from "../support/startServe.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"

const isRoot = process.getuid?.() === 0
const device = "784f394c-42b6-435a-983c-b7beff2784f9"

/** Runs a command in a folder that a shell script has prepared. */
const runIn = Effect.fnUntraced(
  function* (script: string, args: ReadonlyArray<string>, environment: Record<string, string> = {}, files: Record<string, string> = {}) {
    const command = ["sh", "-c", `${script}\nexec "$@"`, "sh", ...boardwalk]
    const program = yield* startProgram(args, environment, { ".env": "PORT=9000\n", ...files }, command)
    return yield* program.exited
  },
  (effect) => Effect.scoped(effect)
)

const enough = { API_KEY: apiKey, TB_USERNAME: "u", TB_PASSWORD: canaries.password }

describe("a .env in the working directory", () => {
  const unsafe: ReadonlyArray<readonly [script: string, reason: string, needsRoot?: true]> = [
    ["chmod 620 .env", "it can be written by users other than its owner"],
    ["chmod 602 .env", "it can be written by users other than its owner"],
    ["chmod 777 .", "it is in a folder that other users can write"],
    ["mkdir o; mv .env o/e; chmod 777 o; ln -s o/e .env", "it is in a folder that other users can write"],
    ["chown 12345 .env", "it belongs to another user", true],
    ["chown 12345 .", "it is in a folder that belongs to another user", true],
    ["mv .env e; ln -s e .env; chown -h 12345 .env", "it is a link that belongs to another user", true],
    ["mv .env e; ln -s e f; chown -h 12345 f; ln -s f .env", "it is a link that belongs to another user", true]
  ]
  live(
    "is refused if another user can change it, with its path and the reason",
    () =>
      Effect.gen(function* () {
        for (const [script, reason, needsRoot] of unsafe) {
          if (needsRoot && !isRoot) continue
          const { exitCode, stderr, stdout } = yield* runIn(script, ["config", "show"], enough)
          expect([script, exitCode, stdout]).toEqual([script, 2, ""])
          expect(stderr).toMatch(/\/\.env is not read: /)
          expect(stderr).toContain(reason)
          expect(stderr).toContain("--env-file")
        }
      }),
    120_000
  )

  live(
    "is refused by every command that reads it, unless the command is told to use it or none",
    () =>
      Effect.gen(function* () {
        const files = { "x.csv": "ts\n" }
        for (const command of [
          ["serve"],
          ["doctor"],
          ["ready"],
          ["demo", "--port", "0"],
          ["keys", "list"],
          ["export", "--device", device, "--from", "2023-11-01", "--to", "2024-01-01", "-o", "y.csv"],
          ["import", "x.csv"]
        ]) {
          const { exitCode, stderr, stdout } = yield* runIn("chmod 666 .env", command, {}, files)
          expect([command, exitCode === 0]).toEqual([command, false])
          expect(stderr + stdout).toContain(".env is not read: it can be written by users other than its owner")
        }
        const show = (...flags: ReadonlyArray<string>) => runIn("chmod 666 .env", ["config", "show", ...flags], enough)
        expect((yield* show("--env-file", ".env")).stdout).toMatch(/^PORT +9000 +--env-file$/m)
        expect((yield* show("--no-env-file")).stdout).toMatch(/^PORT +8000 +default$/m)
      }),
    120_000
  )

  live(
    "is read if it is private, also behind a link, in a folder with the sticky bit, and if the group can only read it",
    () =>
      Effect.gen(function* () {
        for (const script of ["chmod 600 .env", "chmod 640 .env", "chmod 1777 .", "mv .env e; ln -s e .env"]) {
          const { stdout } = yield* runIn(script, ["config", "show"], enough)
          expect([script, stdout]).toEqual([script, expect.stringMatching(/^PORT +9000 +\.env$/m)])
          expect(stdout).toMatch(/^Settings file: \/.*\/\.env$/m)
        }
      }),
    120_000
  )

  live(
    "cannot choose the server that a password of the environment or of a file is sent to, unless it was named",
    () =>
      Effect.gen(function* () {
        const upstream = yield* minimalThingsBoard({})
        const files = { ".env": `TB_HOST=${upstream.url}\nHOST=127.0.0.1\nPORT=9\n`, secret: "password-of-a-file\n" }
        const run = (args: ReadonlyArray<string>, environment: Record<string, string>) => runProgram(args, environment, files)
        const secrets: ReadonlyArray<Record<string, string>> = [
          { TB_USERNAME: "u", TB_PASSWORD: canaries.password },
          { TB_API_KEY: canaries.apiKey },
          { TB_USERNAME: "u", TB_PASSWORD_FILE: "secret" }
        ]
        for (const secret of secrets)
          for (const command of ["doctor", "serve"]) {
            const { exitCode, stderr, stdout } = yield* run([command], { API_KEY: apiKey, ...secret })
            expect([command, exitCode === 0]).toEqual([command, false])
            expect(stderr + stdout).toContain("TB_HOST is in .env of the working directory, but TB_")
          }
        expect(upstream.requests).toEqual([])

        const named = yield* run(["doctor", "--env-file", ".env"], {
          API_KEY: apiKey,
          TB_USERNAME: canaries.username,
          TB_PASSWORD: canaries.password
        })
        expect(named.stdout).toContain("✔ login")
        expect(named.stdout).toMatch(/✔ configuration: no errors; .*settings file: \/.*\/\.env/)
      }),
    120_000
  )

  live(
    "cannot do so for the secrets of keys, nor for the headers of OpenTelemetry",
    () =>
      Effect.gen(function* () {
        const upstream = yield* minimalThingsBoard({})
        const withUser = (secret: { readonly file: string } | { readonly env: string }) => ({
          thingsboard: { username: "u", password: secret }
        })
        const files = {
          ".env": `TB_HOST=${upstream.url}\nTB_USERNAME=u\nTB_PASSWORD=p\nAPI_KEYS_FILE=keys.json\nHOST=127.0.0.1\nPORT=9\nOWN=of-the-file\n`,
          "keys.json": renderKeyFile({
            one: withUser({ file: "secret" }),
            two: withUser({ env: "SECRET" }),
            three: withUser({ env: "OWN" })
          }),
          secret: "password-of-a-file\n"
        }
        const { stdout } = yield* runProgram(["doctor"], { SECRET: "password-of-the-environment" }, files)
        for (const id of ["one", "two"]) expect(stdout).toContain(`key ${id} cannot be used: TB_HOST or TB_CA_FILE is in .env`)
        expect(stdout).not.toContain("key three")

        const exporter = { ".env": "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9\nPORT=x" }
        const serve = yield* runProgram(["serve"], { ...enough, OTEL_EXPORTER_OTLP_HEADERS: "authorization=secret-header" }, exporter)
        // With all other errors.
        expect([serve.exitCode, serve.stderr]).toEqual([
          2,
          expect.stringContaining("OTEL_EXPORTER_OTLP_ENDPOINT is in .env of the working")
        ])
        expect(serve.stderr).toContain("PORT must be")
        expect(serve.stderr).not.toContain("secret-header")
      }),
    120_000
  )

  live(
    "cannot make a command send the key to another machine",
    () =>
      Effect.gen(function* () {
        for (const host of ["198.51.100.7", "nobody.invalid"]) {
          const files = { ".env": `HOST=${host}\n`, "x.csv": "ts\n" }
          const attempts = [
            ["export", "--device", device, "--from", "2023-11-01", "--to", "2024-01-01", "-o", "y.csv"],
            ["import", "x.csv"],
            ["ready"]
          ]
          for (const command of attempts) {
            const { exitCode, stderr } = yield* runProgram(command, { BOARDWALK_KEY: canaries.apiKey }, files)
            expect([command[0], exitCode]).toEqual([command[0], 2])
            expect(stderr).toContain("HOST is no address of this machine: for a gateway elsewhere, use --url")
          }
        }
      }),
    120_000
  )
})

describe("--env-file and --no-env-file", () => {
  live(
    "name the file that is used, wherever they are in the command line; a missing file is an error",
    () =>
      Effect.gen(function* () {
        const files = { ".env": "PORT=1\n", "other.env": "PORT=2\n" }
        const run = (...args: ReadonlyArray<string>) => runProgram(args, enough, files)
        for (const args of [
          ["config", "show", "--json", "--env-file", "other.env"],
          ["--env-file=other.env", "config", "show", "--json"]
        ]) {
          const shown = JSON.parse((yield* run(...args)).stdout)
          expect(shown.env_file).toEndWith("/other.env")
          expect(shown.settings).toContainEqual(expect.objectContaining({ variable: "PORT", value: "2", from: "--env-file" }))
        }
        expect(JSON.parse((yield* run("config", "show", "--json", "--no-env-file")).stdout).env_file).toBeNull()
        for (const command of [
          ["config", "show"],
          ["keys", "list"]
        ]) {
          const { exitCode, stderr } = yield* run(...command, "--env-file", "none.env")
          expect([exitCode, stderr]).toEqual([2, expect.stringContaining("--env-file names a file that does not exist")])
        }
        for (const wrong of [["--env-file"], ["--env-file", "a", "--no-env-file"], ["--env-file", "--json"], ["--env-file="]]) {
          const { exitCode, stderr, stdout } = yield* run("config", "show", ...wrong)
          expect([wrong, exitCode, stdout]).toEqual([wrong, 2, ""])
          expect(stderr).toContain("--env-file")
        }
        expect((yield* run("serve", "--help")).stdout).toContain("--env-file")
      }),
    120_000
  )
})

describe("boardwalk serve", () => {
  live(
    "warns about files that others can read or change, and about a public address without ALLOWED_HOSTS, as doctor does",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder("shared")
        yield* Effect.promise(async () => {
          await Bun.write(join(folder, "keys.json"), renderKeyFile({ one: { thingsboard: { api_key: { file: join(folder, "secret") } } } }))
          await Bun.write(join(folder, "secret"), "key-of-a-user")
          await chmod(join(folder, "keys.json"), 0o600)
          await chmod(folder, 0o777)
        })
        const { environment, program, url } = yield* startServe({}, { HOST: "0.0.0.0", API_KEYS_FILE: join(folder, "keys.json") })
        const { stdout } = yield* runProgram(["doctor"], { ...environment, PORT: new URL(url).port }, { ".env": "TB_PASSWORD=p\n" })
        for (const output of [program.output(), stdout]) {
          expect(output).toContain("API_KEYS_FILE is in a folder that other users can write, who could grant themselves any scope")
          expect(output).toContain("API_KEYS_FILE has key one, whose secret in ")
          expect(output).toContain("ALLOWED_HOSTS is empty, while HOST (0.0.0.0) can be reached from other machines")
        }
        expect(stdout).toMatch(/warning: \/.*\/\.env has secrets and can be read by every user of this machine/)
        expect(program.output()).toContain('"settings_file":"none"')

        yield* Effect.promise(async () => {
          await chmod(folder, 0o700)
          await chmod(join(folder, "secret"), 0o600)
        })
        const quiet = yield* startServe({}, { HOST: "0.0.0.0", ALLOWED_HOSTS: "*", API_KEYS_FILE: join(folder, "keys.json") })
        expect(quiet.program.output()).not.toMatch(/API_KEYS_FILE (is|has)|ALLOWED_HOSTS/)
      }),
    120_000
  )
})
