/** The limit on a key's requests in flight. Each counts until its response is written or its client disconnects. */
import { expect } from "bun:test"
import { Effect, Schedule } from "effect"
import type { Outcome } from "../../src/emulator/faults/FaultInjection.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"

const t0 = 1_700_000_000_000
const rows = 100_000
const devices = "/api/v1/tb/devices"
const history = "*/values/timeseries/history"
const gone: Outcome = { type: "Status", status: 403, body: '{"status":403,"message":"gone","errorCode":20}' }

/** Allows one request per key at a time, so that a request that never stops counting blocks the key forever. */
const open = Effect.gen(function* () {
  const apiKeysFile = yield* writeKeyFile({ other: {} })
  const it = yield* gateway({ settings: { apiKeysFile, maxConcurrentRequests: 1 } })
  const { directory, telemetry } = it.emulator.store
  const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", type: "meter", now: 0 })
  telemetry.loadBulk(
    device,
    "a",
    Array.from({ length: rows }, (_, i) => ({ ts: t0 + i, value: String(i).padStart(200, "x") }))
  )
  const path = `/api/v1/tb/devices/${device.id}/telemetry/export?start_ts=${t0}&end_ts=${t0 + rows}&format=csv`
  const status = (key = canaries.apiKey) => Effect.map(it.call(devices, { key }), (answer) => answer.status)
  const free = status().pipe(
    Effect.repeat({ schedule: Schedule.spaced("10 millis"), until: (one) => one === 200, times: 500 }),
    Effect.map((last) => expect(last).toBe(200))
  )
  /** Sends a request and disconnects after the given time, whatever has arrived by then. */
  const leaving = (what: string, afterMillis: number, method = "GET") =>
    Effect.promise(() =>
      fetch(it.url + what, { method, headers: { "x-api-key": canaries.apiKey }, signal: AbortSignal.timeout(afterMillis) })
        .then((response) => response.text())
        .then(
          () => undefined,
          () => undefined
        )
    )
  return { ...it, path, status, free, leaving }
})

live("a key at its limit of requests in flight gets 429 with Retry-After: 1, and other keys do not", () =>
  Effect.gen(function* () {
    const { call, free, path, records, status, url } = yield* open
    const reader = new AbortController()
    const response = yield* Effect.promise(() => fetch(url + path, { headers: { "x-api-key": canaries.apiKey }, signal: reader.signal }))
    expect(response.status).toBe(200)
    // The response has begun, and its body is not read.
    const refused = yield* call(devices)
    expect([refused.status, refused.headers.get("retry-after"), refused.json.error_code]).toEqual([429, "1", "RATE_LIMIT_EXCEEDED"])
    expect(refused.headers.get("x-ratelimit-limit")).toBe("1000000")
    expect(records.find(({ message }) => message === "Rate limit exceeded")).toMatchObject({ key_id: "default", status: 429 })
    expect(yield* status(keyOf("other"))).toBe(200)
    reader.abort()
    yield* free
  })
)

live(
  "a request stops counting however it ends",
  () =>
    Effect.gen(function* () {
      const { call, emulator, free, leaving, path } = yield* open
      expect((yield* call(path)).text.length).toBeGreaterThan(rows * 200)
      yield* free
      expect((yield* call(path, { method: "HEAD" })).status).toBe(200)
      yield* free
      // The stream fails midway.
      emulator.faults.inject({ path: history, times: 1, latencyMillis: 0 })
      emulator.faults.inject({ path: history, outcome: gone })
      yield* Effect.ignore(Effect.tryPromise(() => Effect.runPromise(call(path))))
      yield* free
      // The handler fails.
      expect((yield* call(`${devices}/not-a-uuid`)).status).toBe(400)
      yield* free
      // The client disconnects: before the handler runs, during a call to ThingsBoard, in the middle of the file.
      for (let i = 0; i < 40; i++) yield* leaving(path, i)
      yield* free
      for (let i = 0; i < 20; i++) yield* leaving(path, i, "HEAD")
      yield* free
      emulator.faults.inject({ path: "/api/*", times: 1, latencyMillis: 300 })
      yield* leaving(devices, 50)
      yield* free
      yield* Effect.all(
        Array.from({ length: 100 }, (_, i) => leaving(path, i % 30)),
        { concurrency: 100 }
      )
      yield* free
    }),
  120_000
)
