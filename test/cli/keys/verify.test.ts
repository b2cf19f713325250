/** Where `boardwalk keys verify` reads the key and what it reports; changes to existing keys. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { digestOf, createKey } from "../../../src/apikeys/KeyFormat.ts"
import { temporaryFolder } from "../../support/temporaryFolder.ts"
import { live } from "../../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../../support/keyFile.ts"
import { boardwalk, runProgram, startProgram } from "../../support/program.ts"

const verify = (file: string, id: string, ...args: ReadonlyArray<string>) =>
  runProgram(["keys", "verify", ...args], { API_KEYS_FILE: file, BOARDWALK_KEY: keyOf(id) })

/** Runs `keys verify` with the text on standard input. */
const verifyFromInput = (text: string, environment: Record<string, string>, files: Record<string, string> = {}) =>
  Effect.scoped(
    Effect.flatMap(
      startProgram(["keys", "verify"], { ...environment, PIPED: text }, files, [
        "sh",
        "-c",
        'printf %s "$PIPED" | "$0" "$@"',
        ...boardwalk
      ]),
      ({ exited }) => exited
    )
  )

live("a key that no longer works is reported with exit code 1", () =>
  Effect.gen(function* () {
    const file = yield* writeKeyFile({
      now: {},
      later: { expires_at: "2099-06-30T12:00:00+02:00" },
      past: { expires_at: "2020-01-01T00:00:00Z" },
      off: { disabled: true }
    })
    expect(yield* verify(file, "now")).toEqual({ exitCode: 0, stdout: "This is key now (now).\n", stderr: "" })
    expect((yield* verify(file, "later")).stdout).toBe("This is key later (later), which expires 2099-06-30T10:00:00Z.\n")
    expect(yield* verify(file, "past")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "boardwalk: This is key past (past), which expired 2020-01-01T00:00:00Z.\n"
    })
    const off = yield* verify(file, "off", "--json")
    expect([off.exitCode, JSON.parse(off.stdout)]).toEqual([1, { id: "off", name: "off", state: "disabled", expires_at: null }])
    const strange = yield* verify(file, "strange", "--json")
    expect([strange.exitCode, JSON.parse(strange.stdout)]).toEqual([1, { id: null, name: null, state: "foreign", expires_at: null }])
  })
)

live("the key is read from the variable, otherwise from the first line of standard input", () =>
  Effect.gen(function* () {
    const file = yield* writeKeyFile({ one: {}, two: {} })
    const input = `${keyOf("one")}\nuser: somebody\n`
    expect(yield* verifyFromInput(input, { API_KEYS_FILE: file })).toEqual({ exitCode: 0, stdout: "This is key one (one).\n", stderr: "" })
    expect((yield* verifyFromInput(input, { API_KEYS_FILE: file, BOARDWALK_KEY: keyOf("two") })).stdout).toContain("key two")
    const nothing = yield* verifyFromInput("", { API_KEYS_FILE: file })
    expect([nothing.exitCode, nothing.stdout]).toEqual([2, ""])
    expect(nothing.stderr).toContain("No key: pass it on standard input or in BOARDWALK_KEY")
  })
)

live("file and key are read from the environment, then from .env, like settings", () =>
  Effect.gen(function* () {
    const file = yield* writeKeyFile({ one: {}, two: {} })
    const files = { ".env": `API_KEYS_FILE=${file}\nBOARDWALK_KEY=${keyOf("one")}\n` }
    expect((yield* runProgram(["keys", "verify"], {}, files)).stdout).toContain("key one")
    expect((yield* runProgram(["keys", "verify"], { BOARDWALK_KEY: keyOf("two") }, files)).stdout).toContain("key two")
    expect((yield* runProgram(["keys", "list"], { API_KEYS_FILE: "other.json" }, files)).stderr).toContain("other.json does not exist")
    const without = yield* runProgram(["keys", "list"])
    expect([without.exitCode, without.stdout]).toEqual([2, ""])
    expect(without.stderr).toContain("--file, or API_KEYS_FILE in the environment or in .env")
  })
)

live(
  "revoke, enable and extend report what they changed",
  () =>
    Effect.gen(function* () {
      const file = yield* writeKeyFile({ a: { expires_at: "2020-01-01T00:00:00Z" } })
      const output = (...args: ReadonlyArray<string>) =>
        Effect.map(runProgram(["keys", ...args], { API_KEYS_FILE: file }), ({ stdout }) => stdout)
      expect(yield* output("revoke", "a")).toContain("Key a is disabled")
      expect(yield* output("revoke", "a")).toBe("Key a was already disabled.\n")
      expect(yield* output("enable", "a")).toContain("it expired 2020-01-01T00:00:00Z")
      expect(yield* output("extend", "a", "--expires", "2099-12-31")).toContain("now expires 2100-01-01T00:00:00Z; a running gateway")
      expect((yield* verify(file, "a")).exitCode).toBe(0)
      expect(JSON.parse(yield* output("revoke", "a", "--json"))).toEqual({
        id: "a",
        name: "a",
        state: "disabled",
        expires_at: "2100-01-01T00:00:00Z"
      })
      expect(yield* output("extend", "a", "--expires", "2099-01-01T00:00:00Z")).toContain("but it is disabled")
      expect(yield* output("enable", "a")).toContain("Key a is enabled again")
      expect(yield* output("enable", "a")).toBe("Key a was not disabled.\n")
    }),
  120_000
)

live("a key given instead of an id is not repeated, and its id is named", () =>
  Effect.gen(function* () {
    // Keys that are not canaries: the leak check also inspects arguments.
    const [known, unknown] = [createKey(randomBytes), createKey(randomBytes)]
    const file = join(yield* temporaryFolder("keys"), "keys.json")
    const entry = { id: "one", name: "One", sha256: digestOf(known), scopes: [] }
    yield* Effect.promise(() => Bun.write(file, JSON.stringify({ keys: [entry] })))
    const results = yield* Effect.forEach([known, unknown], (key) => runProgram(["keys", "revoke", key], { API_KEYS_FILE: file }))
    expect(results).toEqual([
      { exitCode: 1, stdout: "", stderr: "boardwalk: This is a key, not an id. Its id is one. Nothing was changed.\n" },
      { exitCode: 1, stdout: "", stderr: `boardwalk: This is a key, not an id, and it is not in ${file}. Nothing was changed.\n` }
    ])
    const wrong = yield* runProgram(["keys", "list", known], { API_KEYS_FILE: file })
    expect([wrong.exitCode, wrong.stdout, wrong.stderr.includes(known.slice(3))]).toEqual([2, "", false])
    expect(JSON.parse(yield* Effect.promise(() => Bun.file(file).text()))).toEqual({ keys: [entry] })
  })
)
