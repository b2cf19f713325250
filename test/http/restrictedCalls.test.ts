/** The calls to ThingsBoard that restricted keys take for many devices. */
import { expect } from "bun:test"
import { Duration, Effect } from "effect"
import { keyOf } from "../support/keyFile.ts"
import { live } from "../support/effectTest.ts"
import { restrictedGateway, visibleDevices } from "../support/restrictedGateway.ts"

const t0 = 1_700_000_000_000

live("an import checks in one call which of its devices are visible, and stores nothing in the others", () =>
  Effect.gen(function* () {
    const it = yield* restrictedGateway()
    for (const [key, lookups] of [
      ["byType", 1],
      ["byCustomer", 1],
      ["byAll", 1],
      ["byId", 0]
    ] as const) {
      const ids = [...it.ids, it.nobody]
      const body = ids.flatMap((id, i) => [`{"device_id":"${id}","ts":${t0},"key":"${key}","value":${i}}`]).join("\n")
      const before = it.calls.length
      const { json, status } = yield* it.call("/api/v1/tb/telemetry/import", {
        key: keyOf(key),
        body,
        headers: { "content-type": "application/x-ndjson" }
      })
      expect([key, status]).toEqual([key, 200])
      const calls = it.calls.slice(before)
      const visible = visibleDevices[key]!
      expect([key, json.rows_taken, json.rows_refused]).toEqual([key, visible.length, ids.length - visible.length])
      const stored = it.devices.flatMap((device, i) => (it.emulator.store.telemetry.keys(device).includes(key) ? [i] : []))
      expect([key, stored]).toEqual([key, [...visible]])
      expect([key, calls.filter((call) => call.startsWith("GET")).length]).toEqual([key, lookups])
      expect([key, calls.filter((call) => call.startsWith("POST") && call.endsWith("/timeseries/ANY")).length]).toEqual([
        key,
        visible.length
      ])
    }
  })
)

live("a bulk upload does the same", () =>
  Effect.gen(function* () {
    const it = yield* restrictedGateway()
    for (const key of ["byType", "byAll"] as const) {
      const body = Object.fromEntries(it.ids.map((id, i) => [id, { [`bulk_${key}`]: [{ ts: t0, value: i }] }]))
      const before = it.calls.length
      const { json } = yield* it.as(key, "/telemetry/bulk", body)
      const calls = it.calls.slice(before)
      const visible = visibleDevices[key]!
      const successful = it.ids.flatMap((id, i) => (json.results[id].status === "success" ? [i] : []))
      expect([key, successful]).toEqual([key, [...visible]])
      const stored = it.devices.flatMap((device, i) => (it.emulator.store.telemetry.keys(device).includes(`bulk_${key}`) ? [i] : []))
      expect([key, stored]).toEqual([key, [...visible]])
      expect([key, calls.filter((call) => call.startsWith("GET")).length]).toEqual([key, 1])
      expect([key, calls.filter((call) => call.endsWith("/timeseries/ANY")).length]).toEqual([key, visible.length])
    }
  })
)

live("a graph is walked from whichever side has fewer nodes", () =>
  Effect.gen(function* () {
    const it = yield* restrictedGateway()
    const { directory, relations } = it.emulator.store
    const sensor = (name: string) => directory.createDevice({ tenantId: it.tenant.tenantId, name, type: "sensor", now: 1 })
    const relate = (from: { readonly id: string }, to: { readonly id: string }) =>
      relations.save({ fromId: from.id, fromType: "DEVICE", toId: to.id, toType: "DEVICE", type: "Manages" })
    const root = sensor("Root")
    for (let i = 0; i < 10; i++) {
      const gateway = sensor(`Gateway ${i}`)
      relate(root, gateway)
      for (let n = 0; n < 20; n++) relate(gateway, sensor(`Sensor ${i} ${n}`))
      relate(gateway, it.devices[0]!) // a meter, which the key may not see
    }
    const before = it.calls.length
    const { json } = yield* it.as("byType", `/graph/${root.id}?direction=FROM&max_depth=2&hard_node_limit=500`)
    expect([json.nodes.length, json.edges.length, json.truncated, json.nodes_found]).toEqual([211, 210, false, 211])
    const calls = it.calls.slice(before)
    // The root, and the ten gateways instead of their 200 sensors.
    expect(calls.filter((call) => /\/api\/relations(\/info)?$/.test(call)).length).toBe(11)
    expect(calls.length).toBeLessThan(40)
  })
)

live("all pages of a list take one query each if ThingsBoard sorts them, else the calls of one gathering, and those for the devices", () =>
  Effect.gen(function* () {
    const it = yield* restrictedGateway({ cacheTtl: Duration.millis(1) }) // on, but nothing else is used again
    const { directory } = it.emulator.store
    for (let i = 0; i < 594; i++)
      directory.createDevice({
        tenantId: it.tenant.tenantId,
        name: `S${String(i).padStart(3, "0")}`,
        type: i % 2 ? "sensor" : "meter",
        now: i
      })
    for (const [parameters, queries] of [
      ["", 6],
      ["&sort=created_time", 6],
      ["&order=ASC", 6],
      ["&sort=created_time&order=DESC", 1],
      ["&sort=name", 1],
      ["&active=false", 2]
    ] as const) {
      const before = it.calls.length
      const ids: Array<string> = []
      for (let page = 0, more = true; more; page++) {
        const { json, status } = yield* it.as("byTypes", `/devices?page_size=100&page=${page}${parameters}`)
        expect([parameters, status]).toEqual([parameters, 200])
        ids.push(...json.data.map(({ id }: { id: { id: string } }) => id.id))
        more = json.pagination.has_next
        if (parameters.includes("active"))
          for (const device of json.data) expect([device.active, device.deviceProfileName]).toEqual([false, device.type])
      }
      expect([parameters, ids.length, new Set(ids).size]).toEqual([parameters, 600, 600])
      const calls = it.calls.slice(before)
      expect([parameters, calls.filter((call) => call.endsWith("/entitiesQuery/find")).length]).toEqual([parameters, queries])
      expect([parameters, calls.filter((call) => call.startsWith("GET")).length]).toEqual([parameters, 6])
    }
    // A new device is on the first page at once, and what was gathered is then complete again.
    directory.createDevice({ tenantId: it.tenant.tenantId, name: "AAA", type: "meter", now: 1 })
    expect((yield* it.as("byTypes", "/devices?page_size=100&sort=name")).json.data[0].name).toBe("AAA")
  })
)
