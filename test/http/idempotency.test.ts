/** `Idempotency-Key` on writes: what a repeat gets, and what it never gets. ThingsBoard's calls show what was carried out. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Fiber, Redacted, Schedule } from "effect"
import { withIdempotencyKey } from "../../src/client/idempotencyKey.ts"
import { live, until } from "../support/effectTest.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { hasRedis, redisServer } from "../support/redis.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import type { SettingsShape } from "../../src/config/Settings.ts"

const tb = "/api/v1/tb"
const point = '{"t":[{"ts":1,"value":1}]}'
const keyed = (key: string, more: Record<string, string> = {}) => ({ "idempotency-key": key, ...more })
const csv = (rows: string) => ({ body: `ts,key,value\n${rows}`, headers: { "content-type": "text/csv" } })

const open = Effect.fnUntraced(function* (settings: Partial<SettingsShape> = {}) {
  const it = yield* gateway({ settings })
  const { id } = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", now: 1 })
  const path = `${tb}/devices/${id}/telemetry`
  const writes = () => it.emulator.faults.calls({ method: "POST", path: "/api/plugins/telemetry/*" }).length
  const upload = (key: string, body = point, headers: Record<string, string> = {}) => it.call(path, { body, headers: keyed(key, headers) })
  const failOnce = (status: number) =>
    it.emulator.faults.inject({ path: "/api/plugins/telemetry/*", times: "always", outcome: { type: "Status", status } })
  return { ...it, id, path, writes, upload, failOnce }
})

describe("a repeat with the same key and body", () => {
  live("gets the first response again, byte for byte, and nothing is written again", () =>
    Effect.gen(function* () {
      const { call, path, upload, writes } = yield* open()
      const first = yield* upload('"meter 7"')
      expect([first.status, first.headers.get("idempotent-replayed"), writes()]).toEqual([201, null, 1])
      for (const body of [point, point]) {
        const again = yield* upload('"meter 7"', body)
        expect([again.status, again.text, again.headers.get("idempotent-replayed")]).toEqual([201, first.text, "true"])
        expect(again.headers.get("content-type")).toBe(first.headers.get("content-type"))
        expect(again.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"))
      }
      expect(writes()).toBe(1)
      // Without the header, and with another key, it is a request of its own.
      expect((yield* call(path, { body: point })).headers.get("idempotent-replayed")).toBeNull()
      expect((yield* upload("meter-8")).headers.get("idempotent-replayed")).toBeNull()
      expect(writes()).toBe(3)
      // Reads ignore it.
      const reads = yield* call(`${path}/latest`, { headers: keyed('"meter 7"') })
      expect([reads.status, reads.headers.get("idempotent-replayed")]).toEqual([200, null])
    })
  )

  live("gets it from each operation that writes", () =>
    Effect.gen(function* () {
      const { call, id, path, writes } = yield* open()
      const operations = [
        { path, body: point, headers: {} },
        { path: `${tb}/telemetry/bulk`, body: `{"${id}":${point}}`, headers: {} },
        { path: `${path}/import`, ...csv("2,a,1\n") },
        { path: `${tb}/telemetry/import`, body: `device_id,ts,key,value\n${id},3,a,1\n`, headers: { "content-type": "text/csv" } },
        { path: `${tb}/devices/${id}/attributes/server`, body: '{"a":1}', headers: {} },
        { path: `${tb}/devices/${id}/attributes/shared`, body: '{"a":1}', headers: {} }
      ]
      for (const { body, headers, path: target } of operations) {
        // The same key on another operation is another key.
        const request = { body, headers: { ...headers, ...keyed("same") } }
        const first = yield* call(target, request)
        const count = writes()
        const again = yield* call(target, request)
        expect([target, first.status < 300, first.headers.get("idempotent-replayed")]).toEqual([target, true, null])
        expect([target, again.text, again.headers.get("idempotent-replayed"), writes()]).toEqual([target, first.text, "true", count])
      }
    })
  )

  live("gets the batch of an upload that was queued, which is not queued again", () =>
    Effect.gen(function* () {
      const { upload } = yield* open({ spoolDir: yield* temporaryFolder("spool") })
      const prefer = { prefer: "respond-async, wait=9" }
      const first = yield* upload("k", point, prefer)
      const again = yield* upload("k", point, prefer)
      expect([first.status, again.status, again.text, again.headers.get("idempotent-replayed")]).toEqual([202, 202, first.text, "true"])
      const applied = [first, again].map(({ headers }) => headers.get("preference-applied"))
      expect(applied).toEqual(["wait=9, respond-async", "wait=9, respond-async"])
      expect(again.headers.get("location")).toBe(first.headers.get("location")!)
    })
  )

  live("is carried out after the time has passed", () =>
    Effect.gen(function* () {
      const { upload, writes } = yield* open({ idempotencyTtl: Duration.millis(300) })
      yield* upload("k")
      yield* Effect.sleep("400 millis")
      expect((yield* upload("k")).headers.get("idempotent-replayed")).toBeNull()
      expect(writes()).toBe(2)
    })
  )

  live("gets the response of a large import without its rows being stored again, in chunks of any size", () =>
    Effect.gen(function* () {
      const { call, path, writes } = yield* open()
      const rows = Array.from({ length: 20_000 }, (_, i) => `${i},a,${i}`).join("\n")
      const request = { ...csv(rows), headers: { "content-type": "text/csv", ...keyed("file") } }
      const first = yield* call(`${path}/import`, request)
      const count = writes()
      expect(first.json.rows_taken).toBe(20_000)
      const again = yield* call(`${path}/import`, request)
      expect([again.text, again.headers.get("idempotent-replayed"), writes()]).toEqual([first.text, "true", count])
      const other = yield* call(`${path}/import`, { ...request, body: `${request.body}\n20001,a,1` })
      expect([other.status, other.json.error_code, writes()]).toEqual([422, "IDEMPOTENCY_KEY_REUSED", count])
    })
  )
})

describe("the same key", () => {
  live("with another body, query, device or Content-Type gets 422, and nothing is written", () =>
    Effect.gen(function* () {
      const { call, emulator, path, tenant, upload, writes } = yield* open()
      yield* upload("k")
      const other = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name: "Other", now: 1 })
      const refused = [
        yield* upload("k", '{"t":[{"ts":1,"value":2}]}'),
        yield* upload("k", '{"t":[{"ts":1,"value":1},{"ts":2,"value":1}]}'),
        yield* call(`${path}?numeric_text=convert`, { body: point, headers: keyed("k") }),
        yield* call(`${tb}/devices/${other.id}/telemetry`, { body: point, headers: keyed("k") }),
        yield* upload("k", point, { "content-type": "application/json; charset=utf-8" })
      ]
      for (const { headers, json, status, text } of refused) {
        expect([status, json.error_code, headers.get("idempotent-replayed")]).toEqual([422, "IDEMPOTENCY_KEY_REUSED", null])
        expect(text).not.toContain("keys_uploaded")
      }
      expect(writes()).toBe(1)
    })
  )

  live("gets 409 with Retry-After while the first request runs, and then its response", () =>
    Effect.gen(function* () {
      const { emulator, upload, writes } = yield* open()
      emulator.faults.inject({ path: "/api/plugins/telemetry/*", times: 1, latencyMillis: 600 })
      const first = yield* Effect.forkChild(upload("k"))
      yield* until(() => writes() === 1)
      const meanwhile = yield* upload("k")
      expect([meanwhile.status, meanwhile.json.error_code]).toEqual([409, "REQUEST_IN_PROGRESS"])
      expect([meanwhile.headers.get("retry-after"), meanwhile.json.retry_after]).toEqual(["1", 1])
      const { text } = yield* Fiber.join(first)
      expect((yield* upload("k")).text).toBe(text)
      expect(writes()).toBe(1)
    })
  )

  live("of another API key is another key: nobody gets the response to somebody else's request", () =>
    Effect.gen(function* () {
      const apiKeysFile = yield* writeKeyFile({ mine: {}, theirs: { devices: { ids: ["00000000-0000-4000-8000-000000000001"] } } })
      const { call, path, writes } = yield* open({ apiKeysFile })
      const request = { body: point, headers: keyed("k") }
      const first = yield* call(path, { ...request, key: keyOf("mine") })
      expect(first.status).toBe(201)
      const theirs = yield* call(path, { ...request, key: keyOf("theirs") })
      expect(theirs.headers.get("idempotent-replayed")).toBeNull()
      expect(theirs.text).not.toContain("keys_uploaded")
      expect(writes()).toBe(1)
    })
  )
})

describe("what is not final is not kept", () => {
  live("a failure of ThingsBoard, a rejected body and one of several devices: a repeat with the same key is carried out", () =>
    Effect.gen(function* () {
      const { call, emulator, failOnce, id, upload, writes } = yield* open()
      failOnce(500)
      expect((yield* upload("k")).status).toBeGreaterThanOrEqual(500)
      const bulk = { body: `{"${id}":${point}}`, headers: keyed("k") }
      expect((yield* call(`${tb}/telemetry/bulk`, bulk)).json.summary.failed_devices).toBe(1)
      const file = { ...csv("1,a,1\n"), headers: { "content-type": "text/csv", ...keyed("k") } }
      expect((yield* call(`${tb}/devices/${id}/telemetry/import`, file)).json.rows_unknown).toBe(1)
      emulator.faults.clearFaults()
      emulator.faults.clearCalls()
      expect((yield* upload("k")).status).toBe(201)
      expect((yield* call(`${tb}/telemetry/bulk`, bulk)).json.summary.failed_devices).toBe(0)
      expect((yield* call(`${tb}/devices/${id}/telemetry/import`, file)).json.rows_taken).toBe(1)
      expect(writes()).toBe(3)
      expect((yield* upload("fixed", "{}")).status).toBe(400)
      expect((yield* upload("fixed")).status).toBe(201)
    })
  )

  live("a response of more than 64 KiB: a repeat is carried out", () =>
    Effect.gen(function* () {
      const { call, path } = yield* open()
      const rows = Array.from({ length: 1500 }, (_, i) => `yesterday,a,${i}`).join("\n")
      const request = { ...csv(rows), headers: { "content-type": "text/csv", ...keyed("large") } }
      const first = yield* call(`${path}/import`, request)
      expect(first.text.length).toBeGreaterThan(64 * 1024)
      expect((yield* call(`${path}/import`, request)).headers.get("idempotent-replayed")).toBeNull()
    })
  )

  live("the outcome for a client that left: its repeat is carried out, and gets no false success", () =>
    Effect.gen(function* () {
      const { emulator, path, upload, url, writes } = yield* open()
      emulator.faults.inject({ path: "/api/plugins/telemetry/*", times: 1, outcome: { type: "Hang" } })
      const leaving = new AbortController()
      const left = fetch(url + path, {
        method: "POST",
        body: point,
        headers: { "x-api-key": canaries.apiKey, "content-type": "application/json", ...keyed("left") },
        signal: leaving.signal
      }).catch(() => undefined)
      yield* until(() => writes() === 1)
      leaving.abort()
      yield* Effect.promise(() => left)
      const again = yield* Effect.repeat(upload("left"), { until: ({ status }) => status !== 409, schedule: Schedule.spaced("20 millis") })
      expect([again.status, again.headers.get("idempotent-replayed"), writes()]).toEqual([201, null, 2])
    })
  )

  live("a body that breaks off: its repeat is carried out", () =>
    Effect.gen(function* () {
      const { call, path, upload, url } = yield* open()
      const head = (key: string, type: string) =>
        `POST ${path}${type === "text/csv" ? "/import" : ""} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nIdempotency-Key: cut\r\nContent-Type: ${type}\r\nContent-Length: 1000\r\n\r\n`
      for (const type of ["application/json", "text/csv"]) {
        const socket = yield* Effect.promise(() =>
          Bun.connect({ hostname: new URL(url).hostname, port: Number(new URL(url).port), socket: { data: () => {} } })
        )
        socket.write(`${head(canaries.apiKey, type)}ts,key,value\n1,a,1\n`)
        yield* Effect.sleep("100 millis")
        socket.terminate()
        yield* Effect.sleep("100 millis")
      }
      expect((yield* upload("cut")).status).toBe(201)
      const file = yield* call(`${path}/import`, { ...csv("1,a,1\n"), headers: { "content-type": "text/csv", ...keyed("cut") } })
      expect([file.status, file.json.rows_taken, file.headers.get("idempotent-replayed")]).toEqual([200, 1, null])
    })
  )
})

live("a key that is not valid is 400", () =>
  Effect.gen(function* () {
    const { upload, writes } = yield* open()
    for (const key of ['""', '"open', "two words", "a,b", '"a";b=1', "é", "x".repeat(256), `"${"x".repeat(256)}"`]) {
      const { json, status } = yield* upload(key)
      expect([key, status, json.details?.errors?.[0]?.field]).toEqual([key, 400, "header.idempotency-key"])
    }
    expect(writes()).toBe(0)
    for (const key of ["x".repeat(255), `"${"x".repeat(255)}"`, String.raw`"a\"b\\c"`, "bm9uY2U+/="])
      expect((yield* upload(key)).status).toBe(201)
    // A word is the same key with and without quotes.
    yield* upload("word")
    expect((yield* upload('"word"')).headers.get("idempotent-replayed")).toBe("true")
  })
)

live("the typed client sends it with each attempt", () =>
  Effect.gen(function* () {
    const { client, id, writes } = yield* open()
    const upload = client.telemetry.upload({
      params: { device_id: id as never },
      query: {},
      payload: { t: [{ ts: 1, value: 1 }] }
    })
    const [a, b] = [yield* withIdempotencyKey('odd "key"')(upload), yield* withIdempotencyKey('odd "key"')(upload)]
    expect(b).toEqual(a)
    expect(writes()).toBe(1)
    yield* upload
    expect(writes()).toBe(2)
  })
)

describe.skipIf(!hasRedis)("with Redis", () => {
  live(
    "any gateway returns the first response; without Redis the request is not carried out",
    () =>
      Effect.gen(function* () {
        const redis = yield* redisServer
        yield* redis.start
        const redisUrl = Redacted.make(redis.url)
        const one = yield* open({ redisUrl })
        const two = yield* gateway({
          settings: { redisUrl, tbHost: one.emulator.url },
          emulator: {}
        })
        const first = yield* one.upload("shared")
        expect(first.status).toBe(201)
        const again = yield* two.call(one.path, { body: point, headers: keyed("shared") })
        expect([again.status, again.text, again.headers.get("idempotent-replayed")]).toEqual([201, first.text, "true"])
        const other = yield* two.call(one.path, { body: "{}", headers: keyed("shared") })
        expect([other.status, other.json.error_code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"])
        one.failOnce(500)
        expect((yield* one.upload("later")).status).toBeGreaterThanOrEqual(500)
        one.emulator.faults.clearFaults()
        expect((yield* one.upload("later")).status).toBe(201)

        yield* redis.kill
        yield* Effect.sleep("100 millis")
        const writes = one.writes()
        const away = yield* one.upload("shared")
        expect([away.status, away.json.error_code, away.headers.get("retry-after")]).toEqual([503, "IDEMPOTENCY_UNAVAILABLE", "1"])
        expect(one.writes()).toBe(writes)
        expect((yield* one.call(one.path, { body: point })).status).toBe(201)
      }),
    30_000
  )
})
