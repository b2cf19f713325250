/** Log entries of rejections and failures: with the known messages, the client, and no text that a caller chose. */
import { describe, expect } from "bun:test"
import { Duration, Effect } from "effect"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile, renderKeyFile } from "../support/keyFile.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { checkForLeaks } from "../support/leaks/watch.ts"
import { runProgram } from "../support/program.ts"

const tb = "/api/v1/tb"

type Records = ReadonlyArray<Record<string, unknown>>

const of = (records: Records, message: string) => records.filter((record) => record["message"] === message)

/** The fields that every such record has. */
const from = (id: string, keyId?: string) => ({
  ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  level: "warn",
  request_id: id,
  address: "127.0.0.1",
  trace_id: expect.any(String),
  span_id: expect.any(String),
  ...(keyId === undefined ? {} : { key_id: keyId })
})

const asked = (method: string, path: string) => ({ method, path })

const refused = (status: number, reason: string) => ({ message: `Security event: ${status}`, status, reason })

const named = (id: string, more: Record<string, string> = {}) => ({ headers: { "x-request-id": id, ...more } })

describe("the log has", () => {
  live("401 with the reason: a missing, unknown, expired, revoked or mistyped key. Responses differ only for the last", () =>
    Effect.gen(function* () {
      const apiKeysFile = yield* writeKeyFile({ old: { expires_at: "2020-01-01T00:00:00.000Z" }, off: { disabled: true } })
      const { call, records } = yield* gateway({ settings: { apiKeysFile } })
      const tried = [
        ["missing", null],
        ["unknown", canaries.otherApiKey],
        ["mistyped", `bw_${"x".repeat(46)}`],
        ["expired", keyOf("old"), "old"],
        ["disabled", keyOf("off"), "off"]
      ] as const
      const answers: Record<string, string> = {}
      for (const [reason, key] of tried) {
        const { json, status } = yield* call(`${tb}/devices`, { key, ...named(reason) })
        expect(status).toBe(401)
        answers[reason] = json.detail
      }
      expect(of(records, "Security event: 401")).toEqual(
        tried.map(([reason, , keyId]) => Object.assign(from(reason, keyId), asked("GET", `${tb}/devices`), refused(401, reason)))
      )
      expect([answers["expired"], answers["disabled"]]).toEqual([answers["unknown"]!, answers["unknown"]!])
    })
  )

  live("401 for the documentation and for unknown paths, with the same reasons", () =>
    Effect.gen(function* () {
      const apiKeysFile = yield* writeKeyFile({ off: { disabled: true } })
      const { call, records } = yield* gateway({ settings: { apiKeysFile, docsAccess: "key" } })
      yield* call("/docs", { key: keyOf("off") })
      yield* call("/openapi.json", { key: null })
      yield* call("/nothing", { key: keyOf("off") })
      expect(of(records, "Security event: 401")).toMatchObject([
        { path: "/docs", reason: "disabled", key_id: "off" },
        { path: "/openapi.json", reason: "missing" },
        { path: "/{hidden}", reason: "disabled", key_id: "off" }
      ])
    })
  )

  live("403 with the key's id and the missing scope", () =>
    Effect.gen(function* () {
      const apiKeysFile = yield* writeKeyFile({ grafana: { scopes: ["devices:read"] } })
      const { call, records } = yield* gateway({ settings: { apiKeysFile } })
      expect((yield* call(`${tb}/assets`, { key: keyOf("grafana"), ...named("r-1") })).status).toBe(403)
      expect(of(records, "Security event: 403")).toEqual([
        { ...from("r-1", "grafana"), ...asked("GET", `${tb}/assets`), ...refused(403, "missing_scope"), required_scope: "assets:read" }
      ])
    })
  )

  live("400 for a host that is not served", () =>
    Effect.gen(function* () {
      const { call, records } = yield* gateway({ settings: { allowedHosts: ["api.example.com"] } })
      expect((yield* call(`${tb}/devices?page=1`, named("r-1"))).status).toBe(400)
      expect((yield* call(`${tb}/devices`, named("r-2", { host: "a@b" }))).status).toBe(400)
      expect(of(records, "Security event: 400")).toEqual([
        { ...from("r-1"), ...asked("GET", `${tb}/devices`), ...refused(400, "unknown_host") },
        { ...from("r-2"), ...asked("GET", `${tb}/devices`), ...refused(400, "malformed_host") }
      ])
    })
  )

  live("429 with the key's id, and whether the limit of the key or of the address is exceeded", () =>
    Effect.gen(function* () {
      const { call, records } = yield* gateway({ settings: { rateLimit: { requests: 1, window: Duration.minutes(1) } } })
      yield* call(`${tb}/devices`, named("r-1"))
      expect((yield* call(`${tb}/devices`, named("r-2"))).status).toBe(429)
      yield* call(`${tb}/telemetry/latest`, { body: {}, key: canaries.otherApiKey })
      expect((yield* call(`${tb}/telemetry/latest`, { body: {}, key: canaries.otherApiKey, ...named("r-3") })).status).toBe(429)
      const beyond = (reason: string) => ({ message: "Rate limit exceeded", status: 429, reason })
      expect(of(records, "Rate limit exceeded")).toEqual([
        { ...from("r-2", "default"), ...asked("GET", `${tb}/devices`), ...beyond("key_limit") },
        { ...from("r-3"), ...asked("POST", `${tb}/telemetry/latest`), ...beyond("address_limit") }
      ])
    })
  )

  live("failures of ThingsBoard with their status and code, without ThingsBoard's text", () =>
    Effect.gen(function* () {
      const { call, emulator, records } = yield* gateway()
      yield* call(`${tb}/devices`)
      const body = JSON.stringify({ status: 500, message: canaries.upstreamWords, errorCode: 46 })
      emulator.faults.inject({ path: "/api/tenant/devices", outcome: { type: "Status", status: 500, body } })
      expect((yield* call(`${tb}/devices`, named("r-1"))).status).toBe(502)
      emulator.faults.inject({ path: "/api/tenant/devices", times: "always", outcome: { type: "Reset" } })
      expect((yield* call(`${tb}/devices`, named("r-2"))).status).toBe(503)
      expect(records.filter(({ message }) => String(message).startsWith("ThingsBoard HTTP error"))).toEqual([
        {
          ...from("r-1", "default"),
          message: "ThingsBoard HTTP error: Unavailable (status 500, code 46)",
          upstream_failure: "Unavailable",
          upstream_status: 500,
          upstream_code: 46
        },
        {
          ...from("r-2", "default"),
          message: "ThingsBoard HTTP error: Unavailable, the connection was lost",
          upstream_failure: "Unavailable"
        }
      ])
    })
  )

  live("failures of ThingsBoard although the response is 200: in an upload of many devices, and in a file that is cut off", () =>
    Effect.gen(function* () {
      const { call, emulator, records, tenant } = yield* gateway()
      const { directory, telemetry } = emulator.store
      const { tenantId } = tenant
      const devices = ["A", "B", "C"].map((name) => directory.createDevice({ tenantId, name, now: 1 }))
      const failing = {
        method: "POST",
        path: "/api/plugins/telemetry/*",
        times: "always",
        outcome: { type: "Status", status: 500 }
      } as const
      emulator.faults.inject(failing)
      const body = Object.fromEntries(devices.map(({ id }) => [id, { u: [{ ts: 1, value: 1 }] }]))
      const bulk = yield* call(`${tb}/telemetry/bulk`, { body, ...named("bulk") })
      expect([bulk.status, bulk.json.summary.failed_devices]).toEqual([200, 3])
      emulator.faults.clearFaults()

      const [device] = devices
      telemetry.loadBulk(
        device!,
        "t",
        Array.from({ length: 50_000 }, (_, ts) => ({ ts: ts + 1, value: ts }))
      )
      const path = "*/values/timeseries/history"
      emulator.faults.inject({ path }) // the first read succeeds
      emulator.faults.inject({ path, times: "always", outcome: { type: "Status", status: 403 } })
      yield* Effect.exit(
        call(`${tb}/devices/${device!.id}/telemetry/export?start_ts=0&end_ts=1800000000000&keys=t&format=csv`, named("file")).pipe(
          Effect.catchDefect(() => Effect.void)
        )
      )
      const told = records.filter(({ message }) => String(message).startsWith("ThingsBoard HTTP error"))
      expect(told).toMatchObject([
        { request_id: "bulk", key_id: "default", upstream_status: 500, devices: 3 },
        { request_id: "file", key_id: "default", upstream_status: 403, broken_off: "A_telemetry.csv" }
      ])
    })
  )

  live("changes of the key file with the ids of the keys, and keys that expire soon", () =>
    Effect.gen(function* () {
      const inDays = (days: number) => new Date(Date.now() + days * 86_400_000 + 60_000).toISOString()
      const apiKeysFile = yield* writeKeyFile({
        a: { expires_at: inDays(3) },
        b: { expires_at: inDays(30) },
        c: { expires_at: inDays(-1) }
      })
      const { records } = yield* gateway({ settings: { apiKeysFile } })
      const until = (message: string, count = 1) =>
        Effect.promise(async () => {
          for (let waited = 0; of(records, message).length < count && waited < 10_000; waited += 20) await Bun.sleep(20)
          return of(records, message)
        })
      expect(yield* until("A key expires soon")).toMatchObject([{ level: "warn", key_id: "a", days_left: 3 }])
      const changed = renderKeyFile({ a: { disabled: true }, b: { scopes: ["devices:read"] }, d: {} })
      yield* Effect.promise(() => Bun.write(apiKeysFile, changed))
      expect(yield* until("API_KEYS_FILE was reloaded")).toMatchObject([{ added: ["d"], removed: ["a", "c"], changed: ["b"] }])
    })
  )

  live("an invalid key file with the reason and the position, without text that somebody pasted there", () =>
    Effect.gen(function* () {
      const file = yield* writeKeyFile({})
      const pasted = [`{"keys":[{"id":"e","sha256":"${canaries.otherApiKey}"}]}`, `{"keys":[{"id":${canaries.otherApiKey}}]}`]
      for (const text of pasted) {
        yield* Effect.promise(() => Bun.write(file, text))
        const started = yield* Effect.exit(Effect.scoped(gateway({ settings: { apiKeysFile: file } })))
        expect(Bun.inspect(started)).toContain("API_KEYS_FILE cannot be used")
        checkForLeaks("log", Bun.inspect(started, { depth: 20 }))
        const listed = yield* runProgram(["keys", "list", "--file", file])
        expect(listed.exitCode).toBe(1)
      }
      yield* Effect.promise(() => Bun.write(file, renderKeyFile({})))
    })
  )
})

describe("a client that repeats requests", () => {
  live("writes one line per kind of rejection and key, whatever it sends, and the others are counted", () =>
    Effect.gen(function* () {
      const apiKeysFile = yield* writeKeyFile({
        reader: { scopes: ["devices:read"] },
        other: { scopes: ["devices:read"] },
        off: { disabled: true }
      })
      const times = 40
      const kinds: ReadonlyArray<readonly [string, { readonly [name: string]: unknown }]> = [
        [`${tb}/devices`, { key: null }],
        [`${tb}/devices`, { key: canaries.otherApiKey }],
        [`${tb}/devices`, { key: keyOf("off") }],
        ["/nothing", { key: canaries.otherApiKey }],
        ["/nothing", { key: null }],
        [`${tb}/devices`, { key: null, method: "PUT" }],
        [`${tb}/devices`, { key: null, method: "OPTIONS" }],
        [`/${"a".repeat(9000)}`, { key: null }],
        ["/health", { key: null, headers: { "x-much": "a".repeat(9000) } }],
        [`${tb}/devices`, { headers: { host: "evil.example" } }],
        [`${tb}/devices`, { headers: { host: "a@b" } }],
        [`${tb}/assets`, { key: keyOf("reader") }],
        [`${tb}/assets`, { key: keyOf("other") }],
        [`${tb}/devices`, { key: keyOf("reader") }]
      ]
      const [records, sizes] = yield* Effect.scoped(
        Effect.gen(function* () {
          const { call, emulator, logs, records } = yield* gateway({
            settings: { apiKeysFile, allowedHosts: ["127.0.0.1"], logRepeatedEvents: "count" }
          })
          emulator.faults.inject({ path: "/api/tenant/devices", times: "always", outcome: { type: "Status", status: 500 } })
          for (const [path, request] of kinds)
            yield* Effect.forEach(Array.from({ length: times }), () => call(path, request), { concurrency: 8 })
          return [records, logs.join("\n").length] as const
        })
      )
      const rejections = records.filter(({ message }) => /Security event|Rate limit|HTTP error/.test(String(message)))
      const lines = (repeated: boolean) => rejections.filter((record) => (record["repeated"] !== undefined) === repeated)
      const named = ({ key_id = null, message, reason = null }: Record<string, unknown>) => [message, reason, key_id]
      const expected = [
        ["Security event: 401", "missing", null],
        ["Security event: 401", "unknown", null],
        ["Security event: 401", "disabled", "off"],
        ["Security event: 400", "unknown_host", null],
        ["Security event: 400", "malformed_host", null],
        ["Security event: 403", "missing_scope", "reader"],
        ["Security event: 403", "missing_scope", "other"],
        ["ThingsBoard HTTP error: Unavailable (status 500)", null, "reader"]
      ]
      expect(lines(false).map(named)).toEqual(expected)
      expect(lines(true).map(named).toSorted()).toEqual(expected.toSorted())
      // The unknown key was also used at an unknown path.
      expect(lines(true).map(({ reason, repeated }) => [reason === "unknown" ? 2 * times - 1 : times - 1, repeated])).toSatisfy((all) =>
        all.every(([a, b]) => a === b)
      )
      for (const { request_id, path } of lines(true)) expect([request_id, path]).toEqual([undefined, undefined])
      expect(sizes).toBeLessThan(8000)
    })
  )
})

describe("text that a caller chose", () => {
  const forged = "\r\nts=2026-01-01 level=error message=forged \u001b[31m\u009b2J\u202eevil"

  live("is not logged in the path, which has only the API's own segments and ids, and no key of any form", () =>
    Effect.gen(function* () {
      // A span has the whole URL, in which only generated keys are recognized.
      const { call, records } = yield* gateway({ untraced: true, settings: { allowedHosts: ["api.example.com"] } })
      const id = "784f394c-42b6-435a-983c-b7beff2784f9"
      const paths = {
        [`${tb}/devices/${id}/telemetry/latest?keys=${canaries.otherApiKey}`]: `${tb}/devices/${id}/telemetry/latest`,
        [`${tb}/devices/${canaries.otherApiKey}`]: `${tb}/devices/{hidden}`,
        [`/bw_${"x".repeat(46)}/devices`]: "/{hidden}/devices",
        [`/${canaries.otherApiKey}%2f..%0d%0a`]: "/{hidden}",
        ["/a".repeat(500)]: `${"/{hidden}".repeat(9)}/…`,
        "/": "/"
      }
      for (const path of Object.keys(paths)) expect((yield* call(path, { key: null })).status).toBe(400)
      expect(of(records, "Security event: 400").map(({ path }) => path)).toEqual(Object.values(paths))
    })
  )

  live("cannot add lines or control characters to the log", () =>
    Effect.gen(function* () {
      const { call, logs, records } = yield* gateway({ settings: { allowedHosts: ["127.0.0.1"] } })
      const path = encodeURIComponent(forged)
      yield* call(`/${path}`)
      yield* call(`${tb}/devices/${path}`, { key: `wrong${path}` })
      yield* call(`${tb}/devices?text_search=${path}&${path}=1`)
      for (const id of ["a\u009bb", "a b", "x".repeat(200), '"},{"level":"error"', "a=b"]) {
        const answer = yield* call(`${tb}/devices`, { key: null, headers: { "x-request-id": id } })
        expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/)
      }
      yield* call(`${tb}/devices`, { key: null, headers: { traceparent: "00-evil-evil-01", "user-agent": "\u009bevil", b3: "evil-evil" } })
      expect(records.length).toBeGreaterThan(6)
      expect(logs.join("\n")).not.toMatch(/evil|forged/)
    })
  )
})
