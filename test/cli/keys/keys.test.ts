/** `boardwalk keys` as users run it, and a gateway that has only the keys in the file. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { noCustomerId } from "../../../src/domain/Ids.ts"
import { isWellFormed } from "../../../src/apikeys/KeyFormat.ts"
import { temporaryFolder } from "../../support/temporaryFolder.ts"
import { live } from "../../support/effectTest.ts"
import { canaries } from "../../support/leaks/canaries.ts"
import { runProgram, startProgram } from "../../support/program.ts"
import { get } from "../../support/startServe.ts"
import { minimalThingsBoard } from "../../support/minimalThingsBoard.ts"

const folder = temporaryFolder("keys")

const keys = (file: string, ...args: ReadonlyArray<string>) => runProgram(["keys", ...args], { API_KEYS_FILE: file })
const textOf = (file: string) => Effect.promise(() => Bun.file(file).text())
const replaceIn = (file: string, before: string, after: string) =>
  Effect.promise(async () => Bun.write(file, (await Bun.file(file).text()).replace(before, after)))

describe("boardwalk keys", () => {
  live("creates a key that is printed once and is not in the file", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const file = join(path, "keys.json")
      const made = yield* keys(file, "create", "--name", "Grafana Süd", "--scope", "devices:read", "--scope", "telemetry:read")
      const key = made.stdout.trim()
      expect([made.exitCode, isWellFormed(key)]).toEqual([0, true])
      // Standard output is the key alone, so that it can be piped into a secret.
      expect(made.stderr).toContain(file)
      expect(made.stderr).not.toContain(key)

      const text = yield* textOf(file)
      const { keys: entries } = JSON.parse(text)
      // The id is in every log line of the key's requests, so it contains no part of the key.
      expect(entries[0].id).toMatch(/^grafana-sud-[0-9a-f]{6}$/)
      expect(entries[0].id).not.toContain(key.slice(3, 9))
      expect(entries).toMatchObject([{ name: "Grafana Süd", scopes: ["devices:read", "telemetry:read"] }])
      expect(Object.keys(entries[0]).toSorted()).toEqual(["id", "name", "scopes", "sha256"])
      expect(text).not.toContain(key.slice(0, 20))
      expect((yield* Effect.promise(() => stat(file))).mode & 0o077).toBe(0)
      expect(yield* Effect.promise(() => readdir(path))).toEqual(["keys.json"])
    })
  )

  live("makes the id from the name, and not from the key", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "keys.json")
      const key = (yield* keys(file, "create", "--name", "Grafana Süd", "--scope", "devices:read")).stdout.trim()
      const [{ id }] = JSON.parse(yield* textOf(file)).keys
      expect(id).toMatch(/^grafana-sud-[0-9a-f]{6}$/)
      expect(key).not.toContain(id.slice(-6))
    })
  )

  live(
    "accepts a ThingsBoard user or API key, with exactly one place for its secret",
    () =>
      Effect.gen(function* () {
        const file = join(yield* folder, "keys.json")
        const create = (name: string, ...args: ReadonlyArray<string>) =>
          keys(file, "create", "--id", name, "--name", name, "--scope", "devices:read", ...args)
        const user = ["--thingsboard-user", "hall3@example.com"]
        expect((yield* create("one", ...user, "--thingsboard-password-file", "/run/secrets/hall3")).exitCode).toBe(0)
        expect((yield* create("two", "--thingsboard-api-key-env", "TB_API_KEY_HALL3")).exitCode).toBe(0)
        const entries = JSON.parse(yield* textOf(file)).keys
        expect(entries.map(({ thingsboard }: { readonly thingsboard: unknown }) => thingsboard)).toEqual([
          { username: "hall3@example.com", password: { file: "/run/secrets/hall3" } },
          { api_key: { env: "TB_API_KEY_HALL3" } }
        ])
        for (const wrong of [
          user,
          ["--thingsboard-password-env", "P"],
          [...user, "--thingsboard-password-env", "P", "--thingsboard-password-file", "f"],
          [...user, "--thingsboard-api-key-env", "K"],
          ["--thingsboard-api-key-env", "not a name"]
        ]) {
          const { exitCode, stderr, stdout } = yield* create("three", ...wrong)
          expect([wrong, exitCode, stdout]).toEqual([wrong, 2, ""])
          expect(stderr).toContain("--thingsboard-")
          // The value may be the secret itself, given instead of the name of a variable.
          expect(stderr).not.toContain("not a name")
        }
        expect(JSON.parse(yield* textOf(file)).keys.length).toBe(2)
        const listed = (yield* keys(file, "list")).stdout
        expect(listed).toContain("as hall3@example.com")
        expect(listed).toContain("as an API key")
      }),
    120_000
  )

  live(
    "creates keys restricted to devices, assets and addresses, and rejects restrictions that would not restrict",
    () =>
      Effect.gen(function* () {
        const file = join(yield* folder, "keys.json")
        const create = (id: string, ...args: ReadonlyArray<string>) =>
          keys(file, "create", "--id", id, "--name", id, "--scope", "assets:read", ...args)
        const entries = Effect.map(textOf(file), (text) => JSON.parse(text).keys)
        expect((yield* create("one", "--device-type", "meter", "--cidr", "10.0.0.0/8", "--cidr", "2001:db8::1")).exitCode).toBe(0)
        expect((yield* create("two", "--device-type", "meter", "--assets", "none")).exitCode).toBe(0)
        expect(yield* entries).toMatchObject([
          { devices: { types: ["meter"] }, assets: "related", cidrs: ["10.0.0.0/8", "2001:db8::1"] },
          { devices: { types: ["meter"] }, assets: "none" }
        ])
        expect((yield* keys(file, "list")).stdout.split("\n")).toEqual([
          'one  active  one  assets:read  {"types":["meter"]}  related assets  from 10.0.0.0/8 2001:db8::1',
          'two  active  two  assets:read  {"types":["meter"]}  none assets',
          ""
        ])
        const [listed] = JSON.parse((yield* keys(file, "list", "--json")).stdout)
        expect(listed).toMatchObject({ assets: "related", cidrs: ["10.0.0.0/8", "2001:db8::1"] })
        for (const wrong of [
          ["--assets", "none"],
          ["--device-type", " "],
          ["--device-type", " meter"],
          ["--device-type", "a\u0001b"],
          ["--device-type", "x".repeat(256)],
          ["--cidr", "10.0.0.5/8"],
          ["--cidr", "10.0.0.0/33"],
          ["--cidr", "::ffff:10.0.0.0/104"],
          ["--cidr", "localhost"]
        ]) {
          const { exitCode, stderr, stdout } = yield* create("three", ...wrong)
          expect([wrong, exitCode, stdout]).toEqual([wrong, 2, ""])
          expect(stderr).toContain(wrong[0]!)
        }
        expect((yield* entries).length).toBe(2)
      }),
    120_000
  )

  live(
    "lists what each key may do and whether it still works",
    () =>
      Effect.gen(function* () {
        const file = join(yield* folder, "keys.json")
        yield* keys(file, "create", "--name", "One", "--id", "one", "--scope", "devices:read")
        yield* keys(file, "create", "--name", "Two", "--id", "two", "--scope", "graph:read", "--expires", "2099-12-31")
        yield* keys(file, "create", "--name", "Three", "--id", "three", "--scope", "graph:read", "--rate-limit", "5")
        expect((yield* keys(file, "revoke", "three")).exitCode).toBe(0)
        yield* replaceIn(file, "2100-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z")
        const { stdout } = yield* keys(file, "list", "--json")
        expect(JSON.parse(stdout)).toMatchObject([
          { id: "one", state: "active", expires_at: null, rate_limit: null },
          { id: "two", state: "expired", expires_at: "2020-01-01T00:00:00Z" },
          { id: "three", state: "disabled", rate_limit: { requests: 5, window_seconds: 60 } }
        ])
        expect(stdout).not.toContain("sha256")
        expect((yield* keys(file, "list")).stdout.split("\n")).toEqual([
          "one  active  One  devices:read",
          "two  expired  Two  graph:read  until 2020-01-01T00:00:00Z",
          "three  disabled  Three  graph:read  5 requests per 60 s",
          ""
        ])
        // A file may come from elsewhere: names must not control the terminal.
        const hostile = "\u001b[2J\nforged  active"
        yield* replaceIn(file, '"One"', JSON.stringify(hostile))
        expect((yield* keys(file, "list")).stdout).toContain("one  active  \\u001b[2J\\nforged  active  devices:read\n")
        const reversed = "\u202egnp.exe\u2066\u009b31m\u007f\u{e0041}"
        yield* replaceIn(file, JSON.stringify(hostile), JSON.stringify(reversed))
        const listed = (yield* keys(file, "list", "--json")).stdout
        expect(listed).not.toMatch(/[^\P{C}\n]/u)
        expect(JSON.parse(listed)[0].name).toBe(reversed)
      }),
    120_000
  )

  live(
    "distinguishes a key in the file, an unknown one, and a mistyped one",
    () =>
      Effect.gen(function* () {
        const file = join(yield* folder, "keys.json")
        const other = join(yield* folder, "keys.json")
        const key = (yield* keys(file, "create", "--name", "One", "--id", "one", "--scope", "devices:read")).stdout.trim()
        const foreign = (yield* keys(other, "create", "--name", "Other", "--scope", "devices:read")).stdout.trim()
        const verify = (presented: string) => runProgram(["keys", "verify"], { API_KEYS_FILE: file, BOARDWALK_KEY: presented })
        expect(yield* verify(key)).toMatchObject({ exitCode: 0, stdout: "This is key one (One).\n" })
        const mistyped = key.slice(0, 10) + (key[10] === "x" ? "y" : "x") + key.slice(11)
        const shapeless = "0f2d4b6a8c0e1f3a5b7d9c0e2f4a6b8d"
        const presented = [foreign, mistyped, key.slice(0, -1), shapeless]
        const results = yield* Effect.forEach(presented, verify)
        expect(results.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(presented.map(() => [1, ""]))
        expect(results.map(({ stderr }) => /not in|mistyped|not a key.*not one/.exec(stderr)?.[0])).toEqual([
          "not in",
          "mistyped",
          "mistyped",
          `not a key in ${file}, and not one`
        ])
        for (const { stderr, stdout } of results) for (const secret of presented) expect(stdout + stderr).not.toContain(secret)
      }),
    120_000
  )

  live(
    "changes nothing if a command fails",
    () =>
      Effect.gen(function* () {
        const file = join(yield* folder, "keys.json")
        yield* keys(file, "create", "--name", "One", "--id", "one", "--scope", "devices:read")
        const before = yield* textOf(file)
        const scope = ["--scope", "devices:read"]
        const attempts: ReadonlyArray<readonly [exitCode: number, expected: string, ...args: ReadonlyArray<string>]> = [
          [1, "already has a key with the id one", "create", "--name", "Again", "--id", "one", ...scope],
          [1, "keys list", "revoke", "two"],
          [2, "--scope", "create", "--name", "Unknown scope", "--scope", "devices:write"],
          [2, "--scope", "create", "--name", "No scope"],
          [2, "--name", "create", "--name", "  ", ...scope],
          [2, "--id", "create", "--name", "Odd", "--id", "../x", ...scope],
          [2, "--id", "create", "--name", "Like a flag", "--id=-x", ...scope],
          [2, "which is the id of API_KEY", "create", "--name", "Like API_KEY", "--id", "default", ...scope],
          [2, "a whole number from 1", "create", "--name", "None", "--rate-limit", "0", ...scope],
          [2, "a whole number from 1", "create", "--name", "None", "--rate-limit", "many", ...scope],
          [2, "the id of a device", "create", "--name", "Cut", "--device-id", "3c1f", ...scope],
          [2, "the id of a customer", "create", "--name", "Nobody's", "--customer", noCustomerId, ...scope],
          [2, "is in the past", "create", "--name", "Dead", "--expires", "2020-01-01", ...scope]
        ]
        for (const [code, expected, ...attempt] of attempts) {
          const { exitCode, stderr, stdout } = yield* keys(file, ...attempt)
          // Whatever is on standard output may be stored as a secret.
          expect([attempt, exitCode, stdout]).toEqual([attempt, code, ""])
          expect(stderr).toContain(expected)
          expect(stderr).not.toContain("Schema")
          expect(yield* textOf(file)).toBe(before)
        }
        yield* Effect.promise(() => Bun.write(file, "{"))
        expect((yield* keys(file, "create", "--name", "Two", "--scope", "devices:read")).exitCode).toBe(1)
        expect(yield* textOf(file)).toBe("{")
      }),
    120_000 // it starts fifteen programs, one after the other, each of which takes a second or more on a busy machine
  )
})

live("a gateway with a key file needs no API_KEY; without either it does not start", () =>
  Effect.gen(function* () {
    const file = join(yield* folder, "keys.json")
    const { stdout } = yield* keys(file, "create", "--name", "One", "--scope", "devices:read")
    const upstream = yield* minimalThingsBoard()
    const environment = { TB_HOST: upstream.url, TB_USERNAME: canaries.username, TB_PASSWORD: canaries.password, HOST: "127.0.0.1" }
    const program = yield* startProgram(["serve", "--port", "0"], { ...environment, API_KEYS_FILE: file })
    const [, url] = yield* program.waitForOutput(/listens on (http:\/\/[\d.:]+)/)
    expect((yield* get(`${url}/api/v1/tb/assets`, { "x-api-key": stdout.trim() })).status).toBe(403)
    expect((yield* get(`${url}/api/v1/tb/assets`, {})).status).toBe(401)
    expect(program.output()).not.toContain(stdout.trim())

    const withoutKeys = yield* runProgram(["serve", "--port", "0"], environment)
    expect(withoutKeys.exitCode).toBe(2)
    expect(withoutKeys.stderr).toContain("API_KEYS_FILE")
    for (const text of ["{", '{"keys":[{"id":"half"}]}']) {
      yield* Effect.promise(() => Bun.write(file, text))
      const invalid = yield* runProgram(["serve", "--port", "0"], { ...environment, API_KEYS_FILE: file })
      expect([text, invalid.exitCode === 0]).toEqual([text, false])
      expect(invalid.stdout + invalid.stderr).toContain("API_KEYS_FILE cannot be used")
    }
  })
)
