/** Shedding of load: expensive requests first, then all except health checks, and never the only request. */
import { describe, expect } from "bun:test"
import { Effect, Schedule } from "effect"
import { live } from "../support/effectTest.ts"
import { canaries, gateway, type TestResponse } from "../support/gateway.ts"

const t0 = 1_700_000_000_000
const tb = "/api/v1/tb"

/** A gateway that uses this share of its memory. */
const open = Effect.fnUntraced(function* (share: number, overloadProtection = true) {
  const maxMemory = 1_000_000_000
  const it = yield* gateway({ memoryInUse: () => share * maxMemory, settings: { maxMemory, overloadProtection } })
  const { directory, telemetry } = it.emulator.store
  const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", type: "meter", now: 0 })
  telemetry.loadBulk(
    device,
    "a",
    Array.from({ length: 100_000 }, (_, i) => ({ ts: t0 + i, value: "x".repeat(200) }))
  )
  const path = `${tb}/devices/${device.id}/telemetry`
  const exportPath = `${path}?start_ts=${t0}&end_ts=${t0 + 100_000}&format=csv`
  const query = it.call(`${path}/query`, { body: { keys: ["a"], start_ts: 0, end_ts: 1 } })
  /** Keeps a request in flight until the scope closes. */
  const holdExport = Effect.acquireRelease(
    Effect.promise(async () => {
      const controller = new AbortController()
      const response = await fetch(it.url + exportPath, { headers: { "x-api-key": canaries.apiKey }, signal: controller.signal })
      return { controller, response, status: response.status }
    }),
    ({ controller, response }) => Effect.sync(() => controller.abort(response.status))
  )
  return { ...it, path, exportPath, query, holdExport }
})

/** Until the first sample has been taken. */
const untilOverloaded = (ready: Effect.Effect<TestResponse>) =>
  Effect.repeat(ready, { schedule: Schedule.spaced("20 millis"), until: ({ text }) => text.includes('"load"'), times: 500 })

const statusOf = (call: Effect.Effect<{ readonly status: number }>) => Effect.map(call, ({ status }) => status)

describe("a gateway that is overloaded", () => {
  live(
    "heavily rejects all requests except health checks, says so in /ready and logs it once",
    () =>
      Effect.gen(function* () {
        const { call, exportPath, holdExport, path, query, records } = yield* open(0.99)
        const ready = yield* untilOverloaded(call("/ready", { key: null }))
        const load = { name: "load", ok: false, detail: "Memory is short: all requests are rejected." }
        expect([ready.status, ready.json.dependencies.at(-1)]).toEqual([503, load])

        // Nothing else is in flight, so a request can do no harm: memory that stays in use does not stop the gateway forever.
        expect(yield* statusOf(query)).toBe(200)
        expect((yield* holdExport).status).toBe(200)

        const rejected = yield* query
        expect([rejected.status, rejected.json.error_code, rejected.headers.get("retry-after")]).toEqual([503, "OVERLOADED", "5"])
        expect(rejected.headers.get("x-request-id")).not.toBeNull()
        for (const other of [`${tb}/devices`, `${path}/latest`, exportPath, "/docs", "/", "/no/such/path"])
          expect([other, yield* statusOf(call(other))]).toEqual([other, 503])
        // Before the key is looked at.
        expect(yield* statusOf(call(`${tb}/devices`, { key: canaries.otherApiKey }))).toBe(503)
        for (const health of ["/health", "/api/v1/health"]) expect(yield* statusOf(call(health, { key: null }))).toBe(200)
        expect(records.filter(({ message }) => message === "Overloaded: requests are rejected")).toMatchObject([
          { reason: "memory", rejects: "all" }
        ])
      }),
    120_000
  )

  live(
    "moderately rejects exports, imports and queries, and serves everything else",
    () =>
      Effect.gen(function* () {
        const { call, exportPath, holdExport, path, query } = yield* open(0.85)
        const ready = yield* untilOverloaded(call("/ready", { key: null }))
        expect(ready.status).toBe(200)
        expect(ready.json.dependencies.at(-1)).toMatchObject({ name: "load", ok: true })
        expect((yield* holdExport).status).toBe(200)
        const point = `{"a":[{"ts":${t0},"value":1}]}`
        const expensive = {
          query,
          export: call(exportPath),
          exportFile: call(exportPath.replace("/telemetry?", "/telemetry/export?")),
          import: call(`${path}/import`, { method: "POST", body: `ts,key,value\n${t0},a,1\n`.padEnd(100_000) }),
          diagram: call(`${tb}/graph/784f394c-42b6-435a-983c-b7beff2784f9/diagram?format=dot`),
          exportMany: call(`${tb}/telemetry/export`, { body: { device_type: "meter", start_ts: 0, end_ts: 1 } }),
          latestOfMany: call(`${tb}/telemetry/latest`, { body: { device_type: "meter", keys: ["a"] } }),
          graph: call(`${tb}/graph/784f394c-42b6-435a-983c-b7beff2784f9`),
          largeUpload: call(path, { method: "POST", body: point + " ".repeat(100_000) })
        }
        for (const [name, one] of Object.entries(expensive)) expect([name, yield* statusOf(one)]).toEqual([name, 503])
        const cheap = {
          list: call(`${tb}/devices`),
          latest: call(`${path}/latest`),
          upload: call(path, { method: "POST", body: point }),
          index: call("/")
        }
        for (const [name, one] of Object.entries(cheap)) expect([name, yield* statusOf(one)]).toEqual([name, name === "upload" ? 201 : 200])
      }),
    120_000
  )
})

describe("a gateway that is not overloaded", () => {
  live("serves everything, and /ready does not mention load", () =>
    Effect.gen(function* () {
      const { call, holdExport, query } = yield* open(0.79)
      expect((yield* holdExport).status).toBe(200)
      expect(yield* statusOf(query)).toBe(200)
      expect((yield* call("/ready")).text).not.toContain('"load"')
    })
  )

  live("by its settings rejects nothing, whatever it uses", () =>
    Effect.gen(function* () {
      const { call, holdExport, query, records } = yield* open(10, false)
      expect((yield* holdExport).status).toBe(200)
      yield* Effect.sleep("600 millis") // more than two samples
      expect(yield* statusOf(query)).toBe(200)
      expect((yield* call("/ready")).text).not.toContain('"load"')
      expect(records.filter(({ message }) => String(message).startsWith("Overloaded"))).toEqual([])
    })
  )
})
