import { describe, expect } from "bun:test"
import { Effect, Redacted, Result } from "effect"
import { Settings, type SettingsShape } from "../../src/config/Settings.ts"
import type { CheckFailure } from "../../src/doctor/Check.ts"
import { checkRedis } from "../../src/doctor/checkRedis.ts"
import { connect } from "../../src/platform/BunRedis.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { runProgram } from "../support/program.ts"
import { join } from "node:path"
import { queueBatch } from "../support/queuedBatch.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { hasRedis, redisServer, redisServerWith } from "../support/redis.ts"
import { apiKey, startServe } from "../support/startServe.ts"
import { minimalThingsBoard } from "../support/minimalThingsBoard.ts"

const doctor = (environment: Record<string, string>, ...flags: ReadonlyArray<string>) => runProgram(["doctor", ...flags], environment)

describe("boardwalk doctor", () => {
  live("reports that everything works, including the running gateway", () =>
    Effect.gen(function* () {
      const { environment, url } = yield* startServe()
      const { exitCode, stdout } = yield* doctor({ ...environment, PORT: new URL(url).port }, "--write")
      expect(stdout.trim().split("\n")).toEqual([
        "✔ configuration: no errors",
        `✔ ThingsBoard reachable: ${environment.TB_HOST}`,
        "✔ login: as a tenant administrator",
        "✔ devices: one device",
        "- keys: no API_KEYS_FILE",
        "✔ point written and read back: boardwalk_doctor of Boiler",
        "- Redis: no REDIS_URL",
        "- queue of uploads: no SPOOL_DIR and no SPOOL_REDIS_URL",
        `✔ own endpoints: ${url}`
      ])
      expect(exitCode).toBe(0)
    })
  )

  live("stops at the first failure and says what to do", () =>
    Effect.gen(function* () {
      const upstream = yield* minimalThingsBoard()
      const { exitCode, stdout } = yield* doctor(
        { TB_HOST: upstream.url, TB_USERNAME: "u", TB_PASSWORD: canaries.wrongPassword, API_KEY: apiKey, PORT: "9" },
        "--json"
      )
      const { checks, healthy } = JSON.parse(stdout) as { healthy: boolean; checks: ReadonlyArray<Record<string, string>> }
      expect(exitCode).toBe(1)
      expect(healthy).toBe(false)
      expect(checks.map(({ check, status }) => `${check}: ${status}`)).toEqual([
        "configuration: ok",
        "ThingsBoard reachable: ok",
        "login: failed",
        "devices: skipped",
        "keys: skipped",
        "point written and read back: skipped",
        "Redis: skipped",
        "queue of uploads: skipped",
        "own endpoints: skipped"
      ])
      expect(checks[2]?.hint).toContain("TB_PASSWORD")
      expect(stdout).not.toContain("canary")
      expect(stdout).not.toContain("Invalid username or password")
    })
  )

  live("says what waits in the queue of uploads, and whether it can be written", () =>
    Effect.gen(function* () {
      const { environment, url } = yield* startServe()
      const folder = yield* temporaryFolder("doctor")
      const spoolDir = join(folder, "spool")
      const check = (dir: string) =>
        Effect.map(doctor({ ...environment, PORT: new URL(url).port, SPOOL_DIR: dir }), ({ stdout }) =>
          stdout.split("\n").find((line) => line.includes("queue of uploads"))!
        )
      expect(yield* check(spoolDir)).toBe("✔ queue of uploads: empty")
      yield* queueBatch(spoolDir, "1", "default", ["784f394c-42b6-435a-983c-000000000000"])
      expect(yield* check(spoolDir)).toBe("✔ queue of uploads: 1 point waits")
      yield* Effect.promise(() => Bun.write(join(folder, "file"), ""))
      expect(yield* check(join(folder, "file"))).toContain("is not a folder")
    })
  )

  live("reports a key whose ThingsBoard user cannot log in, and an invalid key file", () =>
    Effect.gen(function* () {
      const { environment, url } = yield* startServe()
      const good = { username: environment.TB_USERNAME, password: { env: "TB_PASSWORD" } }
      const keys = { works: { thingsboard: good }, fails: { thingsboard: { ...good, password: { env: "API_KEY" } } } }
      const keysOutcome = Effect.fnUntraced(function* (file: string) {
        const { stdout } = yield* doctor({ ...environment, PORT: new URL(url).port, API_KEYS_FILE: file }, "--json")
        expect(stdout).not.toContain(apiKey)
        return JSON.parse(stdout).checks.find(({ check }: { readonly check: string }) => check === "keys")
      })
      const failed = yield* keysOutcome(yield* writeKeyFile(keys))
      expect([failed.status, failed.detail.includes("key fails")]).toEqual(["failed", true])
      expect(yield* keysOutcome(yield* writeKeyFile({ works: keys.works }))).toMatchObject({ status: "ok", detail: "2 keys" })
      expect(yield* keysOutcome("/nowhere/keys.json")).toMatchObject({ status: "failed" })
      const lacking = { thingsboard: { ...good, password: { file: "/nowhere/secret" } } }
      expect(yield* keysOutcome(yield* writeKeyFile({ works: keys.works, lacking }))).toMatchObject({
        status: "failed",
        detail: "key lacking cannot be used: the file /nowhere/secret is empty or cannot be read"
      })
    })
  )

  live("checks the key file even if the configuration or the login has failed", () =>
    Effect.gen(function* () {
      const upstream = yield* minimalThingsBoard()
      const environment = { TB_HOST: upstream.url, TB_USERNAME: "u", TB_PASSWORD: canaries.wrongPassword, API_KEY: apiKey, PORT: "9" }
      const user = { thingsboard: { username: "u", password: { env: "TB_PASSWORD" } } }
      const good = yield* writeKeyFile({ one: user })
      const lines = (variables: Record<string, string>) =>
        Effect.map(doctor({ ...environment, ...variables }), ({ exitCode, stdout }) => {
          expect(exitCode).toBe(1)
          return stdout.trim().split("\n")
        })
      const noLogin = yield* lines({ API_KEYS_FILE: good })
      expect(noLogin).toContain("✔ keys: 2 keys; their ThingsBoard users were not checked")
      expect(noLogin).toContain('- point written and read back: skipped because "login" failed')
      const invalid = yield* lines({ API_KEYS_FILE: "/nowhere/keys.json", TB_TIMEOUT: "x", TLS_CERT_FILE: "/nope" })
      expect(invalid).toEqual([
        expect.stringMatching(
          /^✘ configuration: TB_TIMEOUT must be .*; TLS_KEY_FILE is required .*; TLS_CERT_FILE names a file that cannot/
        ),
        expect.stringContaining("✘ keys: API_KEYS_FILE cannot be used: the file does not exist")
      ])
      // The key file has a check of its own.
      expect(invalid[0]).not.toContain("API_KEYS_FILE")
    })
  )

  live("uses BOARDWALK_KEY for the gateway if API_KEY is not set", () =>
    Effect.gen(function* () {
      const apiKeysFile = yield* writeKeyFile({ reader: { scopes: ["devices:read"] }, writer: { scopes: ["telemetry:write"] } })
      const { environment, url } = yield* startServe({}, { API_KEY: "", API_KEYS_FILE: apiKeysFile })
      const gatewayLine = (variables: Record<string, string>) =>
        Effect.map(doctor({ ...environment, PORT: new URL(url).port, ...variables }), ({ stdout }) => stdout.trim().split("\n").at(-1)!)
      expect(yield* gatewayLine({})).toBe(
        `✔ own endpoints: ${url}; the list of devices was not checked: neither API_KEY nor BOARDWALK_KEY is set`
      )
      expect(yield* gatewayLine({ BOARDWALK_KEY: keyOf("reader") })).toBe(`✔ own endpoints: ${url}`)
      expect(yield* gatewayLine({ BOARDWALK_KEY: keyOf("writer") })).toContain(
        "✘ own endpoints: GET devices fails: Forbidden (The key in BOARDWALK_KEY"
      )
      expect(yield* gatewayLine({ BOARDWALK_KEY: canaries.otherApiKey })).toContain("✘ own endpoints: GET devices fails: Unauthenticated")
    })
  )
})

describe.skipIf(!hasRedis)("boardwalk doctor with REDIS_URL", () => {
  live(
    "reports whether Redis can be used, and if not, why",
    () =>
      Effect.gen(function* () {
        const redis = yield* redisServer
        const { environment } = yield* startServe()
        const line = (REDIS_URL: string) =>
          Effect.map(doctor({ ...environment, PORT: "9", REDIS_URL }), ({ exitCode, stdout }) => {
            expect(stdout).not.toContain(canaries.urlPassword)
            return [exitCode, stdout.split("\n").find((line) => line.includes(" Redis: "))]
          })
        expect(yield* line(redis.url)).toEqual([
          1,
          expect.stringContaining(
            "✘ Redis: does not work for rate limits, pauses of calls to ThingsBoard, Idempotency-Key: ERR_REDIS_CONNECTION_CLOSED"
          )
        ])
        yield* redis.start
        expect(yield* line(redis.url)).toEqual([0, "✔ Redis: works for rate limits, pauses of calls to ThingsBoard, Idempotency-Key"])
        const wrong = yield* line(redis.url.replace(encodeURIComponent(canaries.urlPassword), "wrong"))
        expect(wrong).toEqual([1, expect.stringMatching(/^✘ Redis: does not work for .*: ERR_REDIS_[A-Z_]+ \(.*password are right/)])
      }),
    120_000
  )

  live(
    "names what Redis's user may not do",
    () =>
      Effect.gen(function* () {
        const text = yield* Effect.promise(() => Bun.file(join(import.meta.dir, "..", "..", "docs", "limits.md")).text())
        const documented = /^~boardwalk:.*$/m.exec(text)![0]
        const usage = ["rate limits", "pauses of calls to ThingsBoard", "Idempotency-Key"] as const
        const [limits, pauses, keys] = usage
        const cases: ReadonlyArray<readonly [rules: string, ...failed: ReadonlyArray<string>]> = [
          [documented],
          [documented.replace("+hset", ""), `${limits} (SCRIPT_REFUSED)`, `${keys} (needs the rate limits)`],
          [documented.replace("+time", ""), `${limits} (SCRIPT_REFUSED)`, `${keys} (needs the rate limits)`],
          [documented.replace("+pexpire", ""), `${limits} (SCRIPT_REFUSED)`, `${pauses} (SCRIPT_REFUSED)`, `${keys} (SCRIPT_REFUSED)`],
          [documented.replace("+evalsha", ""), `${limits} (SCRIPT_REFUSED)`, `${pauses} (NOPERM)`, `${keys} (NOPERM)`],
          [documented.replace("+script|load", ""), `${limits} (SCRIPT_REFUSED)`, `${pauses} (NOPERM)`, `${keys} (NOPERM)`],
          [documented.replace("+set ", ""), `${pauses} (SCRIPT_REFUSED)`, `${keys} (NOPERM)`],
          [documented.replace("+get", ""), `${pauses} (SCRIPT_REFUSED)`, `${keys} (NOPERM)`],
          [documented.replace("+del", ""), `${pauses} (SCRIPT_REFUSED)`, `${keys} (SCRIPT_REFUSED)`],
          ...["+exists", "+pttl", "+sadd", "+srem", "+smembers"].map(
            (command) => [documented.replace(command, ""), `${pauses} (SCRIPT_REFUSED)`] as const
          ),
          [documented.replace("~boardwalk:*", "~boardwalk:limit:* ~boardwalk:idempotency:*"), `${pauses} (NOPERM)`],
          [documented.replace("~boardwalk:*", "~boardwalk:limit:* ~boardwalk:thingsboard:*"), `${keys} (NOPERM)`]
        ]
        const users = cases.map(([rules], i) => `user user${i} on >${canaries.urlPassword} ${rules}`)
        const { start, url } = yield* redisServerWith(users)
        yield* start
        const redis = yield* connect(url, () => {})
        for (const [i, [, ...failed]] of cases.entries()) {
          const outcome = yield* Effect.result(
            Effect.provideService(checkRedis, Settings, {
              redisUrl: Redacted.make(url.replace("redis://", `redis://user${i}`))
            } as SettingsShape)
          )
          const { detail, hint } = Result.isFailure(outcome) ? (outcome.failure as CheckFailure) : { detail: outcome.success, hint: "" }
          expect(detail).toBe(failed.length === 0 ? `works for ${usage.join(", ")}` : `does not work for ${failed.join(", ")}`)
          expect(detail + hint).not.toContain(canaries.urlPassword)
          for (const name of usage) expect([i, hint.includes(`(${name})`)]).toEqual([i, failed.some((text) => text.startsWith(name))])
        }
        // What is left expires.
        const names = yield* redis.send<ReadonlyArray<string>>("KEYS", "*")
        for (const name of names) expect([name, (yield* redis.send<number>("PTTL", name)) > 0]).toEqual([name, true])
      }),
    120_000
  )
})
