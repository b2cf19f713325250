/** The flags of `boardwalk keys create`, and what happens to a key that could not be printed. */
import { expect, test } from "bun:test"
import { Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { parseExpiry } from "../../../src/cli/keys/expiresFlag.ts"
import { makeKeyId } from "../../../src/cli/keys/makeKeyId.ts"
import { formatTime } from "../../../src/cli/keys/output.ts"
import { temporaryFolder } from "../../support/temporaryFolder.ts"
import { effect, live } from "../../support/effectTest.ts"
import { isWellFormed } from "../../../src/apikeys/KeyFormat.ts"
import { boardwalk, runProgram, startProgram } from "../../support/program.ts"

test("an id is made from the name, in any script, and never looks like a flag", () => {
  const digest = "5b6da5".padEnd(64, "0")
  const names = { "Zähler Ünït": "zahler-unit", 温度: "key", "--x--": "x", "": "key", "ﬁne ①": "fine-1", Crème: "creme" }
  for (const [name, id] of Object.entries(names)) expect([name, makeKeyId(name, digest)]).toEqual([name, `${id}-5b6da5`])
  expect(makeKeyId(`${"a".repeat(39)} b`, digest)).toBe(`${"a".repeat(39)}-5b6da5`)
})

effect("an expiry is a date, a time with its offset, or a duration; past and invalid ones are rejected", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.parse("2027-01-31T10:30:00.250Z"))
    const expiries = {
      "2027-12-31": "2028-01-01T00:00:00Z",
      "2027-01-31": "2027-02-01T00:00:00Z",
      "2028-02-29": "2028-03-01T00:00:00Z",
      "2027-12-31T18:00:00Z": "2027-12-31T18:00:00Z",
      "2027-12-31T18:00+01:00": "2027-12-31T17:00:00Z",
      "90d": "2027-05-01T10:30:00Z",
      "12h": "2027-01-31T22:30:00Z"
    }
    for (const [text, expiry] of Object.entries(expiries)) expect([text, formatTime(yield* parseExpiry(text))]).toEqual([text, expiry])
    const rejected = {
      "is in the past": ["2020-01-01", "2027-01-30", "2027-01-31T11:30:00+01:00", "0d"],
      "is not a valid expiry": [
        "2027-02-30",
        "2027-02-29",
        "2027-13-01",
        "2027-12-31T24:00:00Z",
        "2027-12-31T18:00:00",
        "2027-12-31T18:00:00+25:00",
        "31.12.2027",
        "1",
        "tomorrow",
        "-1d",
        "",
        "9999-12-31"
      ]
    }
    for (const [reason, texts] of Object.entries(rejected)) {
      for (const text of texts) {
        const exit = yield* Effect.exit(parseExpiry(text))
        expect([text, Exit.isFailure(exit) ? String(exit.cause) : exit]).toEqual([text, expect.stringContaining(reason)])
      }
    }
  })
)

live("JSON output has the key, its id and its expiry; the expiry is also printed to standard error", () =>
  Effect.gen(function* () {
    const file = join(yield* temporaryFolder("keys"), "keys.json")
    const args = ["--name", " Grafana ", "--id", "grafana", "--scope", "devices:read", "--expires", "2099-12-31", "--json"]
    const { exitCode, stderr, stdout } = yield* runProgram(["keys", "create", ...args], { API_KEYS_FILE: file })
    const created = JSON.parse(stdout)
    expect(created).toEqual({ id: "grafana", name: "Grafana", key: expect.any(String), expires_at: "2100-01-01T00:00:00Z" })
    expect([exitCode, isWellFormed(created.key), stderr.includes(created.key)]).toEqual([0, true, false])
    expect(stderr).toContain("expires 2100-01-01T00:00:00Z")
    expect(stderr).toContain(`Created ${file}, which only its owner can read.`)
  })
)

const closed = '{ sleep 0.2; "$0" "$@"; echo "ended with $?" >&2; } | true'
const full = '"$0" "$@" > /dev/full; echo "ended with $?" >&2'

for (const [where, script] of Object.entries({ "a closed pipe": closed, ...(existsSync("/dev/full") ? { "a full disk": full } : {}) })) {
  live(`a key that cannot be printed to ${where} is removed from the file`, () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryFolder("keys"), "keys.json")
      const create = ["keys", "create", "--name", "Lost", "--id", "lost", "--scope", "devices:read"]
      const command = ["sh", "-c", script, ...boardwalk]
      const { stderr } = yield* Effect.scoped(
        Effect.flatMap(startProgram(create, { API_KEYS_FILE: file }, {}, command), ({ exited }) => exited)
      )
      expect(stderr).toContain("could not be printed")
      expect(stderr).toContain("so lost was removed from the file")
      expect(stderr).toContain("ended with 1")
      expect(JSON.parse(yield* Effect.promise(() => Bun.file(file).text()))).toEqual({ keys: [] })
    })
  )
}
