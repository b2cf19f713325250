/** What restrictions of keys cover beside devices: filters that ThingsBoard ignores, assets, and the names of people. */
import { describe, expect } from "bun:test"
import { Duration, Effect } from "effect"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { allScopes, type KeyEntry } from "../../src/domain/ApiKey.ts"
import { live } from "../support/effectTest.ts"
import { gateway, type TestResponse } from "../support/gateway.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { recordingProxy } from "../support/recordingProxy.ts"
import { restrictedGateway, visibleDevices } from "../support/restrictedGateway.ts"

const range = { start_ts: 0, end_ts: 10 }
const uuid = (n: number) => `784f394c-42b6-435a-983c-${String(n).padStart(12, "0")}`
const idsOf = ({ json }: TestResponse): ReadonlyArray<string> =>
  json.data.map(({ id }: { readonly id: { readonly id: string } }) => id.id).toSorted()

describe("a filter that ThingsBoard ignores", () => {
  const blank = [
    "%20",
    "%20%20",
    "%09",
    "%0A",
    "%00",
    "%01%1F",
    "a%00",
    "%7F",
    "%C2%85",
    "%C2%A0",
    "%E3%80%80",
    "%EF%BB%BF",
    "x".repeat(256)
  ]

  live("is rejected in every request that takes a type, for every key, before ThingsBoard is called", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      for (const key of ["byType", "byCustomer"]) {
        yield* it.as(key, "/devices")
        it.calls.length = 0
        for (const type of blank) {
          const decoded = decodeURIComponent(type)
          for (const response of [
            yield* it.as(key, `/devices?device_type=${type}`),
            yield* it.as(key, `/devices?device_type=${type}&active=false`),
            yield* it.as(key, `/assets?asset_type=${type}`),
            yield* it.as(key, "/telemetry/latest", { device_type: decoded, keys: ["heat"] }),
            yield* it.as(key, "/telemetry/export", { device_type: decoded, keys: ["heat"], ...range, format: "csv" })
          ]) {
            expect([type, response.status]).toEqual([type, 400])
            expect(response.text).not.toContain(it.ids[0]!)
          }
        }
        expect(it.calls).toEqual([])
      }
      expect((yield* it.as("byType", "/devices?device_type=sensor")).json.data.length).toBe(3)
    })
  )

  live("does not show a hidden device: whatever else ThingsBoard returns is an upstream error", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      const ask = Effect.fnUntraced(function* (key: string) {
        return [
          yield* it.as(key, "/devices"),
          yield* it.as(key, "/devices?page_size=1&page=1"),
          yield* it.as(key, "/devices?active=false"),
          yield* it.as(key, "/devices?device_type=sensor"),
          yield* it.as(key, "/telemetry/latest", { device_type: "sensor", keys: ["heat"] }),
          yield* it.as(key, "/telemetry/export", { device_type: "sensor", keys: ["heat"], ...range, format: "csv" }),
          yield* it.as(key, "/telemetry/latest", { device_ids: it.ids, keys: ["heat"] })
        ]
      })
      for (const key of ["byType", "byCustomer", "byId", "byAll"])
        for (const { status } of yield* ask(key)) expect([key, status]).toEqual([key, 200])
      // A ThingsBoard that ignores every filter by type, id and customer.
      it.rewriteCalls(({ body, path, search }) => ({
        path: path.replace(/^\/api\/customer\/[^/]+\/device/, "/api/tenant/device"),
        search: search.replace(/&type=[^&]*/, ""),
        body:
          body?.replace(
            /"entityFilter":\{"type":"(deviceType|entityList)".*?\}/,
            '"entityFilter":{"type":"entityType","entityType":"DEVICE"}'
          ) ?? null
      }))
      for (const key of ["byType", "byCustomer", "byId", "byAll"]) {
        const hidden = it.ids.filter((_, i) => !visibleDevices[key]!.includes(i))
        for (const [i, { status, text }] of (yield* ask(key)).entries()) {
          if (status !== 200) expect([key, i, status]).toEqual([key, i, 502])
          for (const id of hidden) expect([key, i, text.includes(`"${id}"`) && !text.includes("not_found")]).toEqual([key, i, false])
          for (const c of "CADBFE") if (status !== 200) expect(text).not.toContain(`Device ${c}`)
          if (i === 0) expect([key, status]).toEqual([key, 502])
        }
      }
    })
  )
})

/** A site with rooms, users and customers. Meter 0 is in room 0 on the floor; sensor 1 in room 1, which belongs to a customer. */
const siteWith = Effect.fnUntraced(function* (settings: Partial<SettingsShape> = {}) {
  const { calls, forwardTo, url } = yield* recordingProxy
  const noUsers = allScopes.filter((scope) => scope !== "users:read")
  const meters = { devices: { types: ["meter"] } }
  const keys = {
    free: { scopes: noUsers },
    people: {},
    meters,
    metersAll: { ...meters, assets: "all" },
    metersRelated: { ...meters, assets: "related" },
    metersNone: { ...meters, assets: "none" },
    sensor: { devices: { ids: [uuid(1)] } },
    customer: { devices: { customer: uuid(900) } },
    customerNone: { devices: { customer: uuid(900) }, assets: "none" },
    nothing: { devices: { ids: [] } }
  } satisfies Record<string, Partial<typeof KeyEntry.Encoded>>
  const it = yield* gateway({ settings: { apiKeysFile: yield* writeKeyFile(keys), tbHost: url, ...settings } })
  forwardTo(it.emulator.url)
  const { accounts, directory, relations } = it.emulator.store
  const { tenantId } = it.tenant
  directory.createCustomer({ id: uuid(900), tenantId, name: "Jane Customer", now: 1 })
  const user = accounts.createUser({
    tenantId,
    email: "jane@example.com",
    authority: "CUSTOMER_USER",
    customerId: uuid(900),
    now: 1
  })
  directory.createDevice({ id: uuid(0), tenantId, name: "Meter", type: "meter", now: 1, customerId: uuid(900) })
  directory.createDevice({ id: uuid(1), tenantId, name: "Sensor", type: "sensor", now: 2 })
  const asset = (n: number, name: string, type: string, customerId?: string) =>
    directory.createAsset({ id: uuid(n), tenantId, name, type, now: n, ...(customerId === undefined ? {} : { customerId }) })
  asset(10, "Room 0", "room")
  asset(11, "Room 1", "room", uuid(900))
  asset(12, "Floor", "floor")
  asset(13, "Cabinet", "cabinet")
  const relate = (fromType: string, from: string, toType: string, to: string, type = "Contains") =>
    relations.save({ fromType, fromId: from, toType, toId: to, type })
  relate("ASSET", uuid(12), "ASSET", uuid(10))
  relate("ASSET", uuid(12), "ASSET", uuid(11))
  relate("ASSET", uuid(10), "DEVICE", uuid(0))
  relate("ASSET", uuid(11), "DEVICE", uuid(1))
  relate("DEVICE", uuid(0), "ASSET", uuid(13), "Feeds")
  relate("CUSTOMER", uuid(900), "DEVICE", uuid(0), "Owns")
  relate("CUSTOMER", uuid(900), "DEVICE", uuid(1), "Owns")
  relate("USER", user.id, "DEVICE", uuid(0), "Manages")
  const as = (key: keyof typeof keys, path: string) => it.call(`/api/v1/tb${path}`, { key: keyOf(key) })
  return { ...it, as, calls, relate, tenantId, user }
})

const site = siteWith()

type Key = Parameters<Effect.Success<typeof site>["as"]>[0]

/** The assets that each key may see. */
const visibleAssets: Readonly<Record<Key, ReadonlyArray<number>>> = {
  free: [10, 11, 12, 13],
  people: [10, 11, 12, 13],
  meters: [10, 13],
  metersAll: [10, 11, 12, 13],
  metersRelated: [10, 13],
  metersNone: [],
  sensor: [11],
  customer: [10, 11, 13],
  customerNone: [],
  nothing: []
}
const typeOfAsset: Readonly<Record<number, string>> = { 10: "room", 11: "room", 12: "floor", 13: "cabinet" }
const keysOfSite = Object.keys(visibleAssets) as ReadonlyArray<Key>

describe("assets of a restricted key", () => {
  live("are those related to its devices or assigned to its customer, all, or none, in lists, types, single reads and graphs", () =>
    Effect.gen(function* () {
      const it = yield* site
      // Twice, and all keys in turn: nothing found for one key may be there for another.
      for (const key of [...keysOfSite, ...keysOfSite.toReversed()]) {
        const expected = visibleAssets[key].map(uuid)
        const list = yield* it.as(key, "/assets")
        expect([key, idsOf(list), list.json.pagination.total_elements]).toEqual([key, expected, expected.length])
        const rooms = visibleAssets[key].filter((n) => typeOfAsset[n] === "room").map(uuid)
        expect([key, idsOf(yield* it.as(key, "/assets?asset_type=room"))]).toEqual([key, rooms])
        const found = yield* it.as(key, "/assets?text_search=CAB")
        expect([key, idsOf(found)]).toEqual([key, visibleAssets[key].includes(13) ? [uuid(13)] : []])
        const sorted = yield* it.as(key, "/assets?sort=name&order=DESC&page_size=1")
        expect([key, sorted.json.data.length, sorted.json.pagination.total_pages]).toEqual([
          key,
          Math.min(1, expected.length),
          expected.length
        ])
        const types = (yield* it.as(key, "/asset-types")).json.data.map(({ name }: { readonly name: string }) => name)
        for (const n of [10, 11, 12, 13]) {
          const [id, isVisible] = [uuid(n), visibleAssets[key].includes(n)]
          const status = isVisible ? 200 : 404
          expect([key, n, (yield* it.as(key, `/assets/${id}`)).status]).toEqual([key, n, status])
          expect([key, n, (yield* it.as(key, `/assets/${id.toUpperCase()}`)).status]).toEqual([key, n, status])
          expect([key, n, (yield* it.as(key, `/graph/${id}?root_type=ASSET`)).status]).toEqual([key, n, status])
          if (isVisible) expect([key, types.includes(typeOfAsset[n]!)]).toEqual([key, true])
        }
        const restricted = key !== "free" && key !== "people" && key !== "metersAll"
        if (restricted)
          expect([key, types.toSorted()]).toEqual([key, [...new Set(visibleAssets[key].map((n) => typeOfAsset[n]!))].toSorted()])
        const device = key === "sensor" ? uuid(1) : uuid(0)
        const graph = yield* it.as(key, `/graph/${device}?max_depth=5`)
        const names = { 10: "Room 0", 11: "Room 1", 12: "Floor", 13: "Cabinet" }
        for (const [n, name] of Object.entries(names))
          if (!visibleAssets[key].includes(Number(n))) expect([key, name, graph.text.includes(name)]).toEqual([key, name, false])
        if (key === "meters") expect(graph.text).toContain("Room 0")
      }
    })
  )

  live("take the same calls and response whether they are hidden or missing", () =>
    Effect.gen(function* () {
      const it = yield* site
      const ask = Effect.fnUntraced(function* (key: Key, id: string, path: string) {
        it.calls.length = 0
        const { status, text } = yield* it.as(key, path.replace("<id>", id))
        const bare = text
          .replaceAll(id, "<id>")
          .replaceAll(/"timestamp":[^,}]+/g, "")
          .replaceAll(/"(request_id|instance)":"[^"]*"/g, "")
        return [status, bare, it.calls.map((call) => call.replace(id, "<id>"))]
      })
      for (const key of ["meters", "metersNone", "customer"] as const) {
        yield* it.as(key, "/assets")
        for (const path of ["/assets/<id>", "/graph/<id>?root_type=ASSET"])
          expect(yield* ask(key, uuid(12), path)).toEqual(yield* ask(key, uuid(999), path))
      }
    })
  )

  live("are found in a number of calls that depends on the key's devices only, and not again within CACHE_TTL", () =>
    Effect.gen(function* () {
      const it = yield* siteWith({ cacheTtl: Duration.seconds(10) })
      const { directory, relations } = it.emulator.store
      for (let i = 0; i < 1200; i++) {
        const device = directory.createDevice({ tenantId: it.tenantId, name: `Meter ${i}`, type: "meter", now: 10 + i })
        relations.save({ fromType: "ASSET", fromId: uuid(10), toType: "DEVICE", toId: device.id, type: "Contains" })
      }
      yield* it.as("meters", "/devices?page_size=1")
      it.calls.length = 0
      expect(idsOf(yield* it.as("meters", "/assets"))).toEqual([uuid(10), uuid(13)])
      // Two pages of devices, twice two queries for relations, the fields of the assets, and the assets.
      expect(it.calls.length).toBe(2 + 4 + 2)
      it.calls.length = 0
      expect((yield* it.as("meters", `/assets/${uuid(10)}`)).status).toBe(200)
      expect(it.calls.length).toBe(1)
    })
  )
})

describe("the names of people", () => {
  const secrets = ["jane@example.com", "Jane Customer"]

  live("are in graphs only for a key with users:read, and others get the response for a missing entity", () =>
    Effect.gen(function* () {
      const it = yield* site
      const roots = [
        ["USER", it.user.id],
        ["CUSTOMER", uuid(900)]
      ] as const
      for (const key of ["people", "free", "meters", "people", "customer", "free"] as const) {
        const reads = key === "people"
        for (const [type, id] of roots) {
          const root = yield* it.as(key, `/graph/${id}?root_type=${type}`)
          expect([key, type, root.status]).toEqual([key, type, reads ? 200 : 404])
          if (!reads) {
            const missing = yield* it.as(key, `/graph/${uuid(999)}?root_type=${type}`)
            expect([missing.status, missing.json.detail]).toEqual([404, root.json.detail.replace(id, uuid(999))])
          }
        }
        for (const format of ["json", "mermaid", "dot"]) {
          for (const query of ["", "&types=USER,CUSTOMER,TENANT,DEVICE", "&direction=TO"]) {
            const { status, text } = yield* it.as(
              key,
              `/graph/${uuid(0)}${format === "json" ? "?" : `/diagram?format=${format}&`}max_depth=5${query}`
            )
            expect(status).toBe(200)
            for (const secret of reads && format !== "json" ? ["Jane Customer"] : [...secrets, it.user.id, uuid(900)])
              expect([key, format, secret, text.includes(secret)]).toEqual([key, format, secret, reads])
          }
        }
      }
      // Nor is anything found through them: the only way from the meter's customer to the sensor.
      const graph = (key: Key) => it.as(key, `/graph/${uuid(0)}?max_depth=2&relation_types=Owns`)
      expect((yield* graph("people")).text).toContain("Sensor")
      expect((yield* graph("free")).json.nodes.length).toBe(1)
    })
  )

  live("include the tenant's", () =>
    Effect.gen(function* () {
      const it = yield* site
      it.relate("TENANT", it.tenantId, "DEVICE", uuid(0), "Owns")
      for (const key of ["free", "meters"] as const) {
        expect((yield* it.as(key, `/graph/${it.tenantId}?root_type=TENANT`)).status).toBe(404)
        const { json, text } = yield* it.as(key, `/graph/${uuid(0)}?max_depth=5&direction=TO`)
        expect(json.nodes.map(({ type }: { readonly type: string }) => type)).not.toContain("TENANT")
        expect(text).not.toContain(it.tenantId)
      }
    })
  )

  live("are not in device lists: the title of a device's customer is left out", () =>
    Effect.gen(function* () {
      const it = yield* site
      for (const key of ["people", "free", "meters", "customer", "sensor"] as const) {
        for (const active of [true, false]) {
          const { json, status, text } = yield* it.as(key, `/devices?active=${active}`)
          expect([key, status, text.includes("customerTitle"), text.includes("customerIsPublic")]).toEqual([key, 200, false, false])
          for (const secret of secrets) expect(text).not.toContain(secret)
          for (const device of json.data) expect([device.active, typeof device.deviceProfileName]).toEqual([active, "string"])
        }
        expect((yield* it.as(key, "/devices?active=false")).json.data.length).toBeGreaterThan(0)
      }
    })
  )
})
