/** REQUEST_TIMEOUT and `Prefer: wait`: how long a request may take, over real connections. */
import { expect } from "bun:test"
import { Duration, Effect, Fiber } from "effect"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { gateway } from "../support/gateway.ts"
import { live, until } from "../support/effectTest.ts"

const list = "/api/v1/tb/devices?page_size=5"

const slowSite = Effect.fnUntraced(function* (latencyMillis: number, settings: Partial<SettingsShape> = {}) {
  const it = yield* gateway({ untraced: true, settings })
  const device = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Pump", type: "pump", now: 1 })
  yield* it.call(list)
  if (latencyMillis > 0) it.emulator.faults.inject({ latencyMillis, times: "always" })
  const calls = (path: string) => it.emulator.faults.calls().filter((call) => call.path === path).length
  const timed = (path: string, headers: Record<string, string> = {}, body?: unknown) =>
    Effect.gen(function* () {
      const startedAt = performance.now()
      const response = yield* it.call(path, {
        headers: { "cache-control": "no-cache", ...headers },
        ...(body === undefined ? {} : { body })
      })
      return { ...response, millis: performance.now() - startedAt, applied: response.headers.get("preference-applied") }
    })
  return { ...it, calls, device, timed }
})

const prefer = (wait: string) => ({ prefer: wait })

live("a client that waits a second gets 504 then, and the preference is confirmed", () =>
  Effect.gen(function* () {
    const { timed } = yield* slowSite(25_000)
    for (const value of ["wait=1", 'respond-async, wait="1"', "handling=lenient; x, Wait = 1"]) {
      const { applied, json, millis, status } = yield* timed(list, prefer(value))
      expect([value, status, json.error_code, applied]).toEqual([value, 504, "UPSTREAM_TIMEOUT", "wait=1"])
      expect(millis).toBeGreaterThanOrEqual(1000)
      expect(millis).toBeLessThan(20_000)
    }
  })
)

live("preferences that cannot be honored are ignored", () =>
  Effect.gen(function* () {
    const { timed } = yield* slowSite(0, { requestTimeout: Duration.seconds(20) })
    for (const value of ["wait=21", "wait=-1", "wait=soon", "await=1", "wait=1.5", "return=minimal"]) {
      const { applied, status } = yield* timed(list, prefer(value))
      expect([value, status, applied]).toEqual([value, 200, null])
    }
    const { applied, status } = yield* timed(list, prefer("wait=20"))
    expect([status, applied]).toEqual([200, "wait=20"])
  })
)

live("all calls of a request share its time, and none is sent after it", () =>
  Effect.gen(function* () {
    const { device, emulator, timed } = yield* slowSite(400, { requestTimeout: Duration.millis(600) })
    const body = { keys: ["a"], start_ts: 1_600_000_000_000, end_ts: 1_700_000_000_000, agg: "AVG", interval: "1h" }
    const { json, millis, status } = yield* timed(`/api/v1/tb/devices/${device.id}/telemetry/query`, {}, body)
    expect([status, json.error_code]).toEqual([504, "UPSTREAM_TIMEOUT"])
    expect(millis).toBeLessThan(10_000)
    const sent = emulator.faults.calls().length
    yield* Effect.sleep("500 millis")
    expect(emulator.faults.calls().length).toBe(sent)
  })
)

live("a client with little time does not end a call for others, and does not wait longer because of them", () =>
  Effect.gen(function* () {
    const { calls, timed } = yield* slowSite(4000, { cacheTtl: Duration.zero })
    const path = "/api/v1/tb/devices?page_size=7"
    const before = calls("/api/tenant/devices")
    const fresh = { "cache-control": "max-age=60" }
    const hurried = yield* Effect.forkChild(timed(path, { ...fresh, ...prefer("wait=1") }), { startImmediately: true })
    yield* until(() => calls("/api/tenant/devices") > before)
    const patient = yield* Effect.forkChild(timed(path, fresh), { startImmediately: true })
    const alsoHurried = yield* Effect.forkChild(timed(path, { ...fresh, ...prefer("wait=1") }), { startImmediately: true })
    expect((yield* Fiber.join(hurried)).status).toBe(504)
    const joined = yield* Fiber.join(alsoHurried)
    expect(joined.status).toBe(504)
    expect(joined.millis).toBeLessThan(3800)
    expect((yield* Fiber.join(patient)).status).toBe(200)
    expect(calls("/api/tenant/devices")).toBe(before + 1)
  })
)

live("imports and exports have no such limit", () =>
  Effect.gen(function* () {
    const { call, device, emulator, timed } = yield* slowSite(0, { requestTimeout: Duration.millis(300) })
    emulator.faults.inject({ latencyMillis: 400, times: "always" })
    const csv = "ts,temperature\n1,1\n2,2\n3,3\n"
    const imported = yield* call(`/api/v1/tb/devices/${device.id}/telemetry/import`, { body: csv, headers: { "content-type": "text/csv" } })
    expect([imported.status, imported.json.status, imported.json.rows_taken]).toEqual([200, "success", 3])
    expect((yield* timed(list)).status).toBe(504)
  })
)
