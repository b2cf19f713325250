/** The read cache as clients see it: who shares what, what a write ends, and what never comes from it. */
import { expect } from "bun:test"
import { Duration, Effect, Redacted } from "effect"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { recordingProxy } from "../support/recordingProxy.ts"

const tb = "/api/v1/tb"
const range = "start_ts=0&end_ts=10000"
const missing = "784f394c-42b6-435a-983c-000000000999"

/** A tenant with a meter and a sensor and another tenant, with keys of every kind, in front of a cache that lasts. */
const site = Effect.gen(function* () {
  const guest = { username: "guest@example.com", password: { env: "GUEST_PASSWORD" } }
  const apiKeysFile = yield* writeKeyFile({
    one: {},
    two: {},
    withoutCredentials: { scopes: ["devices:read"] },
    withCredentials: { scopes: ["devices:read", "credentials:read"] },
    meters: { devices: { types: ["meter"] } },
    alsoMeters: { devices: { types: ["meter"] } },
    guest: { thingsboard: guest },
    stranger: { thingsboard: { username: "stranger@example.com", password: { env: "STRANGER_PASSWORD" } } }
  })
  const { calls, forwardTo, url } = yield* recordingProxy
  const it = yield* gateway({
    environment: { GUEST_PASSWORD: canaries.guestPassword, STRANGER_PASSWORD: canaries.strangerPassword },
    settings: { apiKeysFile, tbHost: url, cacheTtl: Duration.minutes(1), cacheTtlLatest: Duration.minutes(1) }
  })
  forwardTo(it.emulator.url)
  const { accounts, directory, telemetry } = it.emulator.store
  const { tenantId } = it.tenant
  accounts.createUser({
    tenantId,
    email: "guest@example.com",
    authority: "TENANT_ADMIN",
    password: Redacted.make(canaries.guestPassword),
    now: 1
  })
  const stranger = yield* it.emulator.createTenant({ username: "stranger@example.com", password: Redacted.make(canaries.strangerPassword) })
  const meter = directory.createDevice({ tenantId, name: "Meter", type: "meter", now: 1 })
  const sensor = directory.createDevice({ tenantId, name: "Sensor", type: "sensor", now: 2 })
  const strange = directory.createDevice({ tenantId: stranger.tenantId, name: "Strange", type: "meter", now: 3 })
  for (const device of [meter, sensor, strange]) telemetry.save(device, [{ key: "v", ts: 1000, value: 1n }])
  /** The response, and the calls to ThingsBoard that it took, logins aside. */
  const ask = (key: string, path: string, options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {}) =>
    Effect.gen(function* () {
      calls.length = 0
      const answer = yield* it.call(`${tb}/${path}`, { key: keyOf(key), ...options })
      return { ...answer, calls: calls.filter((call) => !call.includes("/auth/")).length }
    })
  return {
    ...it,
    ask,
    meter,
    sensor,
    strange,
    create: (name: string, type = "meter") => directory.createDevice({ tenantId, name, type, now: 9 })
  }
})

const names = ({ json }: { readonly json: { readonly data: ReadonlyArray<{ readonly name: string }> } }) =>
  json.data.map(({ name }) => name).toSorted()

live("keys with the same rights share what was read, and no others: neither its content nor the time that it saves", () =>
  Effect.gen(function* () {
    const { ask, meter, strange } = yield* site
    const seen = {
      one: ["Meter", "Sensor"],
      meters: ["Meter"],
      alsoMeters: ["Meter"],
      guest: ["Meter", "Sensor"],
      stranger: ["Strange"]
    }
    for (const [key, expected] of Object.entries(seen)) {
      const id = key === "stranger" ? strange.id : meter.id
      const paths = ["devices", `devices/${id}`, "device-types", `devices/${id}/keys`, `devices/${id}/attributes`]
      for (const path of paths) {
        const first = yield* ask(key, path)
        expect([key, path, first.status, first.calls > 0]).toEqual([key, path, 200, true])
        const second = yield* ask(key, path)
        expect([key, path, second.json.data, second.calls]).toEqual([key, path, first.json.data, 0])
      }
      expect([key, names(yield* ask(key, "devices"))]).toEqual([key, expected])
    }
    expect((yield* ask("two", "devices")).calls).toBe(0)
  })
)

live("a hidden device takes as many calls as a missing one, however often it is asked for", () =>
  Effect.gen(function* () {
    const { ask, sensor } = yield* site
    for (const path of ["", "/keys", "/telemetry/latest?keys=v", "/attributes", `/telemetry?${range}`]) {
      const took = (id: string) => Effect.map(ask("meters", `devices/${id}${path}`), ({ calls, status }) => [status, calls])
      for (const _ of [1, 2, 3]) expect([path, yield* took(sensor.id)]).toEqual([path, yield* took(missing)])
    }
  })
)

live("a key without credentials:read gets none from what a key with it has read", () =>
  Effect.gen(function* () {
    const { ask, emulator, tenant } = yield* site
    const additionalInfo = '{"password":"hush-hush"}'
    const { id } = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name: "Gate", type: "gate", now: 4, additionalInfo })
    for (const path of ["devices", `devices/${id}`]) {
      expect((yield* ask("withCredentials", path)).text).toContain("hush-hush")
      const { calls, text } = yield* ask("withoutCredentials", path)
      expect([path, calls, text.includes("hush-hush"), text.includes("Gate")]).toEqual([path, 0, false, true])
    }
  })
)

live("a write through the gateway is seen by every read after it", () =>
  Effect.gen(function* () {
    const { ask, meter } = yield* site
    const latest = `devices/${meter.id}/telemetry/latest?keys=v`
    for (let value = 2; value < 6; value++) {
      for (const key of ["one", "guest", "meters"]) {
        yield* ask(key, latest)
        yield* ask(key, `devices/${meter.id}/attributes?scope=server`)
        yield* ask(key, `devices/${meter.id}/keys`)
      }
      const point = { v: [{ ts: 1000 + value, value }], [`k${value}`]: [{ ts: 1, value: 1 }] }
      expect((yield* ask("two", `devices/${meter.id}/telemetry`, { body: point })).status).toBe(201)
      expect((yield* ask("two", `devices/${meter.id}/attributes/server`, { body: { a: value } })).status).toBe(201)
      for (const key of ["one", "guest", "meters"]) {
        expect((yield* ask(key, latest)).json.data.v.value).toBe(value)
        expect((yield* ask(key, `devices/${meter.id}/attributes?scope=server`)).text).toContain(`"value":${value}`)
        expect((yield* ask(key, `devices/${meter.id}/keys`)).json.data).toContain(`k${value}`)
      }
    }
  })
)

live("a client that accepts no cached data gets none, and later readers get what it read", () =>
  Effect.gen(function* () {
    const { ask, create } = yield* site
    expect(names(yield* ask("one", "devices"))).toEqual(["Meter", "Sensor"])
    create("New")
    expect(names(yield* ask("one", "devices"))).toEqual(["Meter", "Sensor"])
    expect(names(yield* ask("one", "devices", { headers: { "cache-control": "no-cache" } }))).toEqual(["Meter", "New", "Sensor"])
    expect((yield* ask("one", "devices")).calls).toBe(0)
    expect(names(yield* ask("one", "devices"))).toEqual(["Meter", "New", "Sensor"])
    create("Newer")
    expect(names(yield* ask("one", "devices", { headers: { "cache-control": "no-store" } })).length).toBe(4)
    expect(names(yield* ask("one", "devices")).length).toBe(3)
    expect(names(yield* ask("one", "devices", { headers: { "cache-control": "max-age=0" } })).length).toBe(4)
    expect((yield* ask("one", "devices", { headers: { "cache-control": "max-age=60" } })).calls).toBe(0)
  })
)

live("files, histories and uploads by name never come from the cache", () =>
  Effect.gen(function* () {
    const { ask, create, emulator, meter } = yield* site
    const paths = [`devices/${meter.id}/telemetry?${range}`, `devices/${meter.id}/telemetry/export?${range}&format=csv`]
    const body = { device_type: "meter", start_ts: 0, end_ts: 10_000, format: "csv" }
    for (const path of paths) yield* ask("one", path)
    yield* ask("one", "telemetry/export", { body })
    yield* ask("one", `devices/${meter.id}/keys`)
    emulator.store.telemetry.save(meter, [{ key: "appeared", ts: 2000, value: 5n }])
    const other = create("Other meter")
    emulator.store.telemetry.save(other, [{ key: "v", ts: 3000, value: 7n }])
    for (const path of paths) expect((yield* ask("one", path)).text).toContain("appeared")
    const many = (yield* ask("one", "telemetry/export", { body })).text
    expect([many.includes("appeared"), many.includes("Other meter")]).toEqual([true, true])
    const csv = { body: "device_name,ts,key,value\nOther meter,4000,v,8\n", headers: { "content-type": "text/csv" } }
    expect((yield* ask("one", "telemetry/import", csv)).json).toMatchObject({ rows_taken: 1 })
  })
)
