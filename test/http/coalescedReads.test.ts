/** Clients that ask for the same at the same time, over real connections: one call to ThingsBoard, and nobody depends on the others. */
import { expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { until } from "../thingsboard/reads/openReads.ts"

const list = "/api/v1/tb/devices?page_size=1000"
const deviceCount = 300

/** A list of more than 64 KiB, so that its memory counts, from a ThingsBoard that takes a while: long enough for all clients to ask meanwhile. */
const site = Effect.fnUntraced(function* (latencyMillis: number) {
  const apiKeysFile = yield* writeKeyFile({ one: {}, two: {}, meters: { devices: { types: ["meter"] } } })
  const it = yield* gateway({ settings: { apiKeysFile } })
  for (let i = 0; i < deviceCount; i++)
    it.emulator.store.directory.createDevice({
      tenantId: it.tenant.tenantId,
      name: `Device ${i}`,
      type: i % 2 ? "meter" : "sensor",
      now: i
    })
  yield* it.call("/api/v1/tb/devices?page_size=1", { key: keyOf("one") })
  it.emulator.faults.inject({ path: "/api/tenant/devices", latencyMillis, times: "always" })
  const lists = () => it.emulator.faults.calls().filter(({ path }) => path === "/api/tenant/devices").length - 1
  return { ...it, lists, as: (key: string, headers = {}) => it.call(list, { key: keyOf(key), headers }) }
})

live("twenty clients of two keys get the same complete list from one call", () =>
  Effect.gen(function* () {
    const { as, lists } = yield* site(2000)
    const answers = yield* Effect.all(
      Array.from({ length: 20 }, (_, i) => as(i % 2 ? "one" : "two")),
      { concurrency: "unbounded" }
    )
    expect(lists()).toBe(1)
    for (const { json, status } of answers) expect([status, json.data.length]).toEqual([200, deviceCount])
  })
)

live("a client that leaves does not take the response, or its memory, from those who wait with it", () =>
  Effect.gen(function* () {
    const { as, counts, lists, url } = yield* site(2000)
    const arrived = () => counts.direct + counts.routed
    const leaving = new AbortController()
    const left = fetch(url + list, { headers: { "x-api-key": keyOf("one") }, signal: leaving.signal }).catch(() => "left")
    yield* until(() => lists() === 1)
    const before = arrived()
    const others = yield* Effect.forkChild(Effect.all([as("one"), as("two"), as("two")], { concurrency: "unbounded" }))
    yield* until(() => arrived() === before + 3)
    leaving.abort()
    expect(yield* Effect.promise(() => left)).toBe("left")
    for (const { json, status } of yield* Fiber.join(others)) expect([status, json.data.length]).toEqual([200, deviceCount])
    expect(lists()).toBe(1)
  })
)

live("a client that asks for fresh data does not wait for a call that began before", () =>
  Effect.gen(function* () {
    const { as, lists } = yield* site(300)
    const first = yield* Effect.forkChild(as("one"))
    yield* until(() => lists() === 1)
    for (const [i, cacheControl] of ["no-cache", "No-Store", "max-age=0"].entries()) {
      const fresh = yield* Effect.forkChild(as("two", { "cache-control": cacheControl }))
      yield* until(() => lists() === 2 + i)
      expect((yield* Fiber.join(fresh)).json.data.length).toBe(deviceCount)
    }
    expect((yield* Fiber.join(first)).json.data.length).toBe(deviceCount)
  })
)
