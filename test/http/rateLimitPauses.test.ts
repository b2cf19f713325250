/** A ThingsBoard that limits the rate of calls (429): what the gateway sends, and what callers notice. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Fiber, Redacted } from "effect"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { live, until } from "../support/effectTest.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"

const path = "/api/tenant/devices"
const list = (pageSize: number) => `/api/v1/tb/devices?page_size=${pageSize}`
const limited = (retryAfter?: string) =>
  ({ type: "Status", status: 429, ...(retryAfter === undefined ? {} : { headers: { "retry-after": retryAfter } }) }) as const

const site = Effect.fnUntraced(function* (settings: Partial<SettingsShape> = {}, environment: Record<string, string> = {}) {
  const it = yield* gateway({
    environment,
    untraced: true,
    settings: { tbMaxConnections: 16, maxConcurrentRequests: 1000, cacheTtl: Duration.zero, coalesceReads: false, ...settings }
  })
  yield* it.call(list(5))
  const { faults } = it.emulator
  faults.clearCalls()
  const readMany = (count: number, settings?: Parameters<typeof it.call>[1]) =>
    Effect.forEach(
      Array.from({ length: count }, (_, i) => i + 1),
      (size) => it.call(list(size), settings),
      { concurrency: "unbounded" }
    )
  const pausedUsers = Effect.map(it.call("/ready"), ({ json, status }) => [status, json.thingsboard_calls.paused_users])
  return { ...it, faults, readMany, pausedUsers, upstream: () => faults.calls({ path }) }
})

const statuses = (responses: ReadonlyArray<{ readonly status: number }>) => {
  const counts: Record<number, number> = {}
  for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

const isLimited = ({ status }: { readonly status: number | null }) => status === 429

describe("200 requests at the same time", () => {
  live("wait as long as ThingsBoard asks, and then succeed: only the calls that were in flight are rejected", () =>
    Effect.gen(function* () {
      const { faults, pausedUsers, readMany, upstream } = yield* site()
      faults.inject({ path, times: "always", latencyMillis: 20, outcome: limited("2") })
      const began = performance.now()
      const reads = yield* Effect.forkChild(readMany(200), { startImmediately: true })
      yield* until(() => upstream().some(isLimited))
      const rejectedAt = performance.now()
      yield* Effect.sleep("300 millis")
      const sent = upstream().length
      expect(sent).toBeLessThanOrEqual(16)
      expect(yield* pausedUsers).toEqual([200, 1])
      yield* Effect.sleep(Math.max(0, rejectedAt + 1500 - performance.now()))
      expect(upstream()).toHaveLength(sent)
      faults.clearFaults()
      expect(statuses(yield* Fiber.join(reads))).toEqual({ 200: 200 })
      expect(performance.now() - began).toBeGreaterThan(2000)
      expect([upstream().length, upstream().filter(isLimited).length]).toEqual([200 + sent, sent])
      expect(yield* pausedUsers).toEqual([200, 0])
    })
  )

  live("are held back by pauses that double while ThingsBoard goes on rejecting one call after each of them", () =>
    Effect.gen(function* () {
      const { faults, readMany, upstream } = yield* site()
      faults.inject({ path, times: "always", latencyMillis: 20, outcome: limited() })
      const reads = yield* Effect.forkChild(readMany(200), { startImmediately: true })
      yield* until(() => upstream().some(isLimited))
      yield* Effect.sleep("2 seconds") // the first pause is one second, the next one two
      const rejected = upstream().filter(isLimited).length
      expect(rejected).toBeGreaterThan(1)
      expect(rejected).toBeLessThanOrEqual(17)
      faults.clearFaults()
      expect(statuses(yield* Fiber.join(reads))).toEqual({ 200: 200 })
      expect(upstream().filter(isLimited)).toHaveLength(rejected)
    })
  )

  live("get 503 with Retry-After at once if the pause is longer than they can wait", () =>
    Effect.gen(function* () {
      const { faults, readMany, upstream } = yield* site()
      faults.inject({ path, times: "always", latencyMillis: 20, outcome: limited("20") })
      const began = performance.now()
      const responses = yield* readMany(200, { headers: { prefer: "wait=10" } })
      expect(performance.now() - began).toBeLessThan(5000)
      for (const { headers, json, status } of responses) {
        expect([status, json.error_code]).toEqual([503, "UPSTREAM_UNAVAILABLE"])
        expect(json.detail).toContain("ThingsBoard's own rate limit is exceeded")
        expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(15)
      }
      expect(upstream().length).toBeLessThanOrEqual(16)
    })
  )

  live("that are more than may wait get 503 at once; calls of other users may still wait", () =>
    Effect.gen(function* () {
      const { faults, readMany } = yield* site({ tbMaxQueue: 100 })
      faults.inject({ path, times: 1, latencyMillis: 20, outcome: limited("1") })
      yield* Effect.forkChild(readMany(1), { startImmediately: true })
      yield* Effect.sleep("200 millis")
      const codes = (yield* readMany(200)).map(({ json }) => json.error_code)
      expect(codes.filter((code) => code === "OVERLOADED")).toHaveLength(200 - 49)
      expect(codes.filter((code) => code === undefined)).toHaveLength(49)
    })
  )
})

live("calls of other users of ThingsBoard go on", () =>
  Effect.gen(function* () {
    const stranger = { username: "stranger@example.com", password: { env: "STRANGER_PASSWORD" } }
    const apiKeysFile = yield* writeKeyFile({ stranger: { thingsboard: stranger } })
    const it = yield* site({ apiKeysFile, tbTimeout: Duration.seconds(5) }, { STRANGER_PASSWORD: canaries.strangerPassword })
    yield* it.emulator.createTenant({ username: stranger.username, password: Redacted.make(canaries.strangerPassword) })
    const asStranger = { key: keyOf("stranger") }
    expect((yield* it.call(list(1), asStranger)).status).toBe(200)
    it.faults.inject({ path, times: 1, outcome: limited("30") })
    const { headers, status } = yield* it.call(list(1))
    expect([status, headers.get("retry-after")]).toEqual([503, "30"])
    it.faults.clearCalls()
    expect((yield* it.call(list(1))).status).toBe(503)
    expect(it.upstream()).toEqual([])
    expect((yield* it.call(list(1), asStranger)).status).toBe(200)
    // Nothing says who is paused.
    const ready = yield* it.call("/ready")
    expect([ready.status, ready.json.thingsboard_calls.paused_users]).toEqual([200, 1])
    expect(ready.text).not.toContain(canaries.username)
  })
)

live("a write that was rejected is sent again after the pause, also one without a time", () =>
  Effect.gen(function* () {
    const { call, emulator, faults, tenant } = yield* site()
    const device = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name: "Meter", type: "meter", now: 1 })
    faults.inject({ method: "POST", path: "*/attributes/SHARED_SCOPE", outcome: limited("1") })
    const { status } = yield* call(`/api/v1/tb/devices/${device.id}/attributes/shared`, { body: { written: 1 } })
    expect(status).toBe(201)
    expect(faults.calls({ path: "*/attributes/SHARED_SCOPE" }).map((sent) => sent.status)).toEqual([429, 200])
    expect(emulator.store.attributes.read(device, "SHARED_SCOPE").map(({ key }) => key)).toEqual(["written"])
  })
)

live("/ready does not ask a ThingsBoard that limits the gateway's user, and stays 200", () =>
  Effect.gen(function* () {
    const { call, faults } = yield* site()
    faults.inject({ path, times: 1, outcome: limited("30") })
    yield* call(list(1))
    faults.clearCalls()
    const { json, status } = yield* call("/ready")
    expect([status, json.dependencies[0]]).toEqual([
      200,
      { name: "thingsboard", ok: true, detail: "ThingsBoard responds, but limits the rate of the gateway's calls." }
    ])
    expect(faults.calls()).toEqual([])
  })
)
