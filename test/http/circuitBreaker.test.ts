/** TB_BREAKER_FAILURES: what callers notice of a ThingsBoard that fails most of the time. */
import { expect } from "bun:test"
import { Duration, Effect } from "effect"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { makeMovableClock } from "../support/movableClock.ts"

const list = "/api/v1/tb/devices?page_size=5"
const failing = { times: "always", outcome: { type: "Status", status: 503 } } as const

const site = Effect.fnUntraced(function* (settings: Partial<SettingsShape> = {}) {
  const { clock, moveForward } = yield* makeMovableClock
  const it = yield* gateway({
    clock,
    settings: { cacheTtl: Duration.zero, tbBreakerFailures: 10, tbBreakerPause: Duration.seconds(5), ...settings }
  })
  yield* it.call(list)
  const calls = () => it.emulator.faults.calls({ path: "/api/tenant/devices" }).length
  /** Reads until the breaker has opened. */
  const open = Effect.gen(function* () {
    it.emulator.faults.inject(failing)
    for (let i = 0; i < 10; i++) yield* it.call(list)
    it.emulator.faults.clearCalls()
  })
  return { ...it, calls, moveForward, open, ready: Effect.map(it.call("/ready"), ({ json }) => json.thingsboard_calls.circuit_open) }
})

live("while it is open, requests get 503 with Retry-After at once, and ThingsBoard gets no calls", () =>
  Effect.gen(function* () {
    const { call, calls, logs, open, ready } = yield* site()
    expect(yield* ready).toBe(false)
    yield* open
    for (let i = 0; i < 20; i++) {
      const { headers, json, status } = yield* call(list)
      expect([status, json.error_code]).toEqual([503, "UPSTREAM_UNAVAILABLE"])
      expect(json.detail).toContain("pauses")
      const retryAfter = Number(headers.get("retry-after"))
      expect(retryAfter).toBeGreaterThanOrEqual(1)
      expect(retryAfter).toBeLessThanOrEqual(6)
    }
    expect(calls()).toBe(0)
    expect(yield* ready).toBe(true)
    expect(logs.filter((line) => line.includes("ThingsBoard fails most of the time")).length).toBe(1)
  })
)

live("after the pause one call is tried; a failure makes the pause longer, a success closes it", () =>
  Effect.gen(function* () {
    const { call, calls, emulator, logs, moveForward, open, ready } = yield* site()
    yield* open
    moveForward("7 seconds")
    expect((yield* call(list)).status).toBe(503)
    expect(calls()).toBe(1)
    moveForward("6 seconds")
    expect((yield* call(list)).status).toBe(503)
    expect(calls()).toBe(1)

    emulator.faults.clearFaults()
    moveForward("7 seconds")
    expect((yield* call(list)).status).toBe(200)
    expect((yield* call(list)).status).toBe(200)
    expect([calls(), yield* ready]).toEqual([3, false])
    expect(logs.filter((line) => line.includes("ThingsBoard responds again")).length).toBe(1)
  })
)

live("rejected requests, 429 and plain failures do not open it, and reads may be answered from stale data meanwhile", () =>
  Effect.gen(function* () {
    const { call, calls, emulator, moveForward, open, ready } = yield* site({ staleIfError: Duration.minutes(5) })
    for (const status of [400, 404, 429, 500]) {
      const headers = { "retry-after": "60" }
      emulator.faults.inject({ times: 15, path: "/api/tenant/devices", outcome: { type: "Status", status, headers } })
      for (let i = 0; i < 15; i++) {
        yield* call(`/api/v1/tb/devices?page_size=${20 + i}`)
        if (status === 429) moveForward("31 seconds") // to the end of the pause
      }
    }
    expect(yield* ready).toBe(false)
    yield* call(list)
    moveForward("11 seconds")
    yield* open
    const { headers, status } = yield* call(list)
    expect([status, headers.get("warning"), calls()]).toEqual([200, '110 - "Response is Stale"', 0])
    // What is not known is no data.
    expect((yield* call("/api/v1/tb/devices?page_size=99")).status).toBe(503)
  })
)
