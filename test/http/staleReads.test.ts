/** STALE_IF_ERROR: reads while ThingsBoard is away. */
import { expect } from "bun:test"
import { Duration, Effect } from "effect"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { makeFastClock } from "../support/movableClock.ts"

const tb = "/api/v1/tb"

const site = Effect.fnUntraced(function* (settings: Partial<SettingsShape> = {}) {
  // Pauses between attempts pass twenty times as fast.
  const { clock, moveForward } = yield* makeFastClock(20)
  const apiKeysFile = yield* writeKeyFile({ one: {}, two: {}, meters: { devices: { types: ["meter"] } } })
  const it = yield* gateway({
    clock,
    untraced: true,
    settings: { apiKeysFile, staleIfError: Duration.minutes(5), ...settings }
  })
  const { directory, telemetry } = it.emulator.store
  const meter = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", type: "meter", now: 1 })
  telemetry.save(meter, [{ key: "v", ts: 1000, value: 1n }])
  const paths = [`${tb}/devices?page_size=5`, `${tb}/devices/${meter.id}`, `${tb}/devices/${meter.id}/telemetry/latest?keys=v`]
  // The first read of a key finds out which keys there are, by another call than later ones.
  yield* it.call(paths[2]!, { key: keyOf("one") })
  const ask = (path: string, headers: Record<string, string> = {}, key = "one") => it.call(path, { key: keyOf(key), headers })
  return { ...it, ask, meter, moveForward, paths }
})

const away = { times: "always", outcome: { type: "Status", status: 503 } } as const

live("the last response is used while ThingsBoard is away, for as long as allowed, with its age and a warning", () =>
  Effect.gen(function* () {
    const { ask, emulator, moveForward, paths } = yield* site()
    const before = yield* Effect.forEach(paths, (path) => ask(path))
    emulator.faults.inject(away)
    moveForward("90 seconds")
    for (const [i, path] of paths.entries()) {
      const { headers, json, status } = yield* ask(path, {}, "two")
      expect([status, json.data]).toEqual([200, before[i]!.json.data])
      expect([headers.get("warning"), headers.get("etag")]).toEqual(['110 - "Response is Stale"', before[i]!.headers.get("etag")])
      // The attempts at getting a newer one take time.
      expect(Number(headers.get("age"))).toBeGreaterThanOrEqual(90)
      expect(Number(headers.get("age"))).toBeLessThan(119)
      expect((yield* ask(path, { "if-none-match": headers.get("etag")! })).status).toBe(304)
      for (const fresh of ["no-cache", "max-age=60"]) expect((yield* ask(path, { "cache-control": fresh })).status).toBe(503)
      expect((yield* ask(path, { "cache-control": "max-age=120" })).status).toBe(200)
    }
    moveForward("4 minutes")
    for (const path of paths) expect((yield* ask(path)).status).toBe(503)
  })
)

live("fresh data is used again as soon as ThingsBoard is back", () =>
  Effect.gen(function* () {
    const { ask, emulator, meter, moveForward, paths } = yield* site()
    const latest = paths[2]!
    yield* ask(latest)
    emulator.faults.inject(away)
    moveForward("10 seconds")
    expect((yield* ask(latest)).headers.get("warning")).not.toBeNull()
    emulator.faults.clearFaults()
    emulator.store.telemetry.save(meter, [{ key: "v", ts: 2000, value: 2n }])
    const { headers, json } = yield* ask(latest)
    expect([headers.get("warning"), headers.get("age"), json.data.v.value]).toEqual([null, null, 2])
  })
)

live("what a write may have changed, other keys' rights, and refusals never come from old data", () =>
  Effect.gen(function* () {
    const { ask, call, emulator, meter, moveForward, paths } = yield* site()
    for (const path of paths) yield* ask(path)
    yield* call(`${tb}/devices/${meter.id}/telemetry`, { key: keyOf("one"), body: { v: [{ ts: 3000, value: 3 }] } })
    emulator.faults.inject(away)
    moveForward("10 seconds")
    expect((yield* ask(paths[2]!)).status).toBe(503)
    expect((yield* ask(paths[0]!)).status).toBe(200)
    expect((yield* ask(paths[0]!, {}, "meters")).status).toBe(503)
  })
)

live("a 429, a 404 and a request without the setting get their error", () =>
  Effect.gen(function* () {
    const { ask, emulator, moveForward, paths } = yield* site()
    yield* ask(paths[1]!)
    moveForward("10 seconds")
    emulator.faults.inject({ times: 1, path: "/api/device/*", outcome: { type: "Status", status: 429, headers: { "retry-after": "60" } } })
    expect((yield* ask(paths[1]!)).status).toBe(503)
    moveForward("31 seconds") // to the end of the pause
    emulator.faults.inject({ times: 1, path: "/api/device/*", outcome: { type: "Status", status: 404 } })
    expect((yield* ask(paths[1]!)).status).toBe(404)

    const off = yield* site({ staleIfError: Duration.zero })
    yield* off.ask(off.paths[1]!)
    off.moveForward("10 seconds")
    off.emulator.faults.inject(away)
    expect((yield* off.ask(off.paths[1]!)).status).toBe(503)
  })
)
