/** A restricted key sees only its devices through every endpoint. A hidden device looks like one that does not exist. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { TestResponse } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf } from "../support/keyFile.ts"
import { restrictedGateway, visibleDevices } from "../support/restrictedGateway.ts"

type Site = Effect.Success<ReturnType<typeof restrictedGateway>>

const keys = Object.keys(visibleDevices)
const idsOf = ({ json }: TestResponse): ReadonlyArray<string> => json.data.map(({ id }: { readonly id: { readonly id: string } }) => id.id)
const shown = (it: Site, key: string) => visibleDevices[key]!.map((i) => it.ids[i]!)

const now = 1_700_000_000_000
const range = "start_ts=0&end_ts=10"

/** Every endpoint for one device. */
const ways = {
  device: (it: Site, key: string, id: string) => it.as(key, `/devices/${id}`),
  keys: (it: Site, key: string, id: string) => it.as(key, `/devices/${id}/keys`),
  latest: (it: Site, key: string, id: string) => it.as(key, `/devices/${id}/telemetry/latest?keys=heat`),
  export: (it: Site, key: string, id: string) => it.as(key, `/devices/${id}/telemetry/export?${range}&format=csv`),
  query: (it: Site, key: string, id: string) => it.as(key, `/devices/${id}/telemetry/query`, { keys: ["heat"], start_ts: 0, end_ts: 10 }),
  attributes: (it: Site, key: string, id: string) => it.as(key, `/devices/${id}/attributes`),
  upload: (it: Site, key: string, id: string) => it.as(key, `/devices/${id}/telemetry`, { heat: [{ ts: 6, value: 1 }] }),
  writeAttributes: (it: Site, key: string, id: string) => it.as(key, `/devices/${id}/attributes/server`, { owner: "me" }),
  graph: (it: Site, key: string, id: string) => it.as(key, `/graph/${id}`),
  exportOfMany: (it: Site, key: string, id: string) =>
    it.as(key, "/telemetry/export", { device_ids: [id], keys: ["heat"], start_ts: 0, end_ts: 10, format: "csv" })
}

/** Removes what may differ between two rejections: timestamps, the request's id and the requested id. */
const bare = ({ headers, status, text }: TestResponse, id: string) => ({
  status,
  type: headers.get("content-type"),
  text: text
    .replaceAll(id, "<id>")
    .replaceAll(/"timestamp":[^,}]+/g, '"timestamp":0')
    .replaceAll(/"(request_id|instance)":"[^"]*"/g, '"$1":""')
})

describe("one device", () => {
  for (const [name, ask] of Object.entries(ways)) {
    live(`by ${name} is there for the keys that may see it, and for others as if it did not exist`, () =>
      Effect.gen(function* () {
        const it = yield* restrictedGateway()
        // By now the gateway has logged in and made the calls that it makes once.
        yield* ask(it, "byTypes", it.ids[4]!)
        for (const key of keys) {
          for (const [i, id] of it.ids.entries()) {
            if (visibleDevices[key]!.includes(i)) {
              expect([key, i, Math.floor((yield* ask(it, key, id)).status / 100)]).toEqual([key, i, 2])
              continue
            }
            const asked = Effect.fnUntraced(function* (one: string) {
              it.calls.length = 0
              const answer = bare(yield* ask(it, key, one), one)
              return { answer, calls: it.calls.map((call) => call.replace(one, "<id>")) }
            })
            const hidden = yield* asked(id)
            expect([key, i, hidden.answer.status]).toEqual([key, i, 404])
            // The calls to ThingsBoard do not reveal it either, not even the second time.
            expect(yield* asked(id)).toEqual(hidden)
            expect(yield* asked(it.nobody)).toEqual(hidden)
          }
        }
      })
    )
  }

  live("is hidden from one key and visible to another, whatever the other key requested before", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      const query = (key: string) => ways.query(it, key, it.ids[1]!)
      const free = (yield* it.client.devices.list({ query: {} })).pagination.total_elements
      expect(free).toBe(6)
      expect((yield* query("byId")).status).toBe(404)
      expect((yield* query("byType")).status).toBe(200)
      expect((yield* query("byId")).status).toBe(404)
      expect((yield* query("byNothing")).status).toBe(404)
    })
  )

  live("that is hidden is neither written nor read", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      it.calls.length = 0
      yield* ways.upload(it, "byId", it.ids[1]!)
      yield* ways.writeAttributes(it, "byCustomer", it.ids[0]!)
      expect(it.calls.filter((call) => call.includes("/plugins/telemetry/"))).toEqual([])
    })
  )
})

describe("lists", () => {
  live("contain only visible devices, with correct totals and pages", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      for (const key of keys) {
        const ids = shown(it, key)
        const all = yield* it.as(key, "/devices?sort=created_time")
        expect([key, idsOf(all)]).toEqual([key, ids])
        expect(all.json.pagination).toEqual({
          page: 0,
          page_size: 100,
          total_pages: Math.min(1, ids.length),
          total_elements: ids.length,
          has_next: false
        })
        const paged: Array<string> = []
        for (let page = 0; ; page++) {
          const { json, ...answer } = yield* it.as(key, `/devices?page=${page}&page_size=2`)
          paged.push(...idsOf({ json, ...answer }))
          expect(json.pagination.total_elements).toBe(ids.length)
          expect(json.pagination.total_pages).toBe(Math.ceil(ids.length / 2))
          if (!json.pagination.has_next) break
        }
        expect([key, paged.toSorted()]).toEqual([key, ids.toSorted()])
      }
    })
  )

  live("are sorted, searched and filtered like unrestricted lists", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      const { attributes } = it.emulator.store
      attributes.save(it.devices[3]!, "SERVER_SCOPE", [["active", true]], 1)
      const free = (query: string) => it.call(`/api/v1/tb/devices?${query}`)
      const queries = [
        "sort=name",
        "sort=name&order=DESC",
        "sort=type&order=DESC",
        "sort=label",
        "sort=label&order=DESC",
        "order=DESC",
        "text_search=device%20d",
        "text_search=LABEL",
        "device_type=meter&sort=name",
        "device_type=sensor&sort=name",
        "device_type=nothing",
        "active=true",
        "active=false&sort=name",
        "active=true&device_type=meter",
        "text_search=%25",
        "text_search=_",
        "text_search=d_vice%25c",
        "text_search=_______c",
        "active=false&text_search=ENSO"
      ]
      for (const query of queries) {
        const all = yield* free(query)
        const everything = idsOf(all)
        for (const key of keys) {
          const mine = new Set(shown(it, key))
          const answer = yield* it.as(key, `/devices?${query}`)
          const found = idsOf(answer)
          const expected = everything.filter((id) => mine.has(id))
          const inOrder = /sort=(name|created_time)|order=DESC$/.test(query) && !/sort=(label|type)/.test(query)
          expect([query, key, inOrder ? found : found.toSorted()]).toEqual([query, key, inOrder ? expected : expected.toSorted()])
          // Compared by the same fields: lists of connected devices have more of them.
          for (const device of answer.json.data) expect(all.json.data).toContainEqual(device)
        }
      }
    })
  )

  live("return the bytes that ThingsBoard sent", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      for (const key of keys) {
        const { text } = yield* it.as(key, "/devices")
        for (const i of it.ids.keys())
          expect([key, i, text.includes(`900719925474099${i}.10`)]).toEqual([key, i, visibleDevices[key]!.includes(i)])
      }
    })
  )

  live("of types contain only the types of visible devices", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      const types = (key: string) =>
        Effect.map(it.as(key, "/device-types"), ({ json }) => [
          json.data.map(({ name }: { readonly name: string }) => name).toSorted(),
          json.pagination.total_elements
        ])
      expect(yield* types("byType")).toEqual([["sensor"], 1])
      expect(yield* types("byTypes")).toEqual([["meter", "sensor"], 2])
      expect(yield* types("byCustomer")).toEqual([["meter", "sensor"], 2])
      expect(yield* types("byNothing")).toEqual([[], 0])
    })
  )
})

describe("many devices", () => {
  live("have latest values only of visible devices, by id or by type", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      for (const key of keys) {
        const mine = shown(it, key)
        const byId = yield* it.as(key, "/telemetry/latest", { device_ids: [...it.ids, it.nobody], keys: ["heat"] })
        expect([key, Object.keys(byId.json.data).toSorted()]).toEqual([key, mine.toSorted()])
        expect(byId.json.not_found).toEqual([...it.ids, it.nobody].filter((id) => !mine.includes(id)))
        const byType = yield* it.as(key, "/telemetry/latest", { device_type: "sensor", keys: ["heat"] })
        expect([key, Object.keys(byType.json.data).toSorted()]).toEqual([key, mine.filter((id) => it.ids.indexOf(id) % 2 === 1).toSorted()])
      }
    })
  )

  live("are exported by type only if they are visible", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      const body = { device_type: "sensor", keys: ["heat"], start_ts: 0, end_ts: 10, format: "csv" }
      const exported = (key: string) =>
        Effect.map(it.as(key, "/telemetry/export", body), ({ text }) => it.ids.filter((id) => text.includes(id)))
      expect(yield* exported("byId")).toEqual([it.ids[3]!])
      expect(yield* exported("byCustomer")).toEqual([it.ids[1]!, it.ids[5]!])
      expect(yield* exported("byType")).toEqual([it.ids[1]!, it.ids[3]!, it.ids[5]!])
      expect(yield* exported("byNothing")).toEqual([])
    })
  )

  live("stay in the export that selected them, whatever happens to them meanwhile", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      it.calls.length = 0
      const file = yield* it.as("byCustomer", "/telemetry/export", { device_type: "sensor", start_ts: 0, end_ts: 10, format: "csv" })
      expect(it.ids.filter((id) => file.text.includes(id))).toEqual([it.ids[1]!, it.ids[5]!])
      // Read once, at the beginning.
      expect(it.calls.filter((call) => /device\/|devices$/.test(call))).toEqual([`GET /api/customer/${it.customer}/devices`])
    })
  )

  live("are written only if they are visible, by JSON and by rows with ids or names", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      const stored = (i: number) => it.emulator.store.telemetry.latest(it.devices[i]!, "load")?.ts
      const point = { load: [{ ts: 7, value: 1 }] }
      const bulk = yield* it.as("byCustomer", "/telemetry/bulk", { [it.ids[0]!]: point, [it.ids[1]!]: point, [it.nobody]: point })
      expect(Object.entries<{ readonly status: string }>(bulk.json.results).map(([id, { status }]) => [id, status])).toEqual([
        [it.ids[0]!, "failed"],
        [it.ids[1]!, "success"],
        [it.nobody, "failed"]
      ])
      expect(JSON.stringify(bulk.json.results[it.ids[0]!]).replaceAll(it.ids[0]!, it.nobody)).toBe(
        JSON.stringify(bulk.json.results[it.nobody])
      )
      const named = yield* it.as("byCustomer", "/telemetry/bulk", { "Device C": point, "Device D": point, "Device Z": point })
      const failed = (name: string) => ({
        status: "failed",
        error: `No device has the name ${name}, or this key may not see it.`,
        error_code: "RESOURCE_NOT_FOUND"
      })
      expect([it.devices[0]!.name, it.devices[2]!.name]).toEqual(["Device C", "Device D"])
      expect(named.json.results["Device C"]).toEqual(failed("Device C"))
      expect(named.json.results["Device D"]).toMatchObject({ status: "success", device_id: it.ids[2]! })
      expect(named.json.results["Device Z"]).toEqual(failed("Device Z"))
      expect(named.text).not.toContain(it.ids[0]!)
      const rows = (column: string, values: ReadonlyArray<string>, dryRun: boolean) =>
        it.call(`/api/v1/tb/telemetry/import?dry_run=${dryRun}`, {
          key: keyOf("byCustomer"),
          headers: { "content-type": "text/csv" },
          body: `${column},ts,key,value\n${values.map((value) => `${value},${now},load,2`).join("\n")}\n`
        })
      for (const dryRun of [true, false]) {
        const byId = yield* rows("device_id", [it.ids[3]!, it.ids[2]!, it.nobody], dryRun)
        expect([byId.json.rows_taken, byId.json.rows_refused]).toEqual([1, 2])
        expect(new Set(byId.json.refused.map(({ reason }: { readonly reason: string }) => reason)).size).toBe(1)
        const byName = yield* rows("device_name", ["Device C", "Device E", "Device Z"], dryRun)
        expect([dryRun, byName.json.rows_taken, byName.json.rows_refused]).toEqual([dryRun, 1, 2])
      }
      expect(it.ids.map((_, i) => stored(i))).toEqual([undefined, 7, now, undefined, undefined, now])
    })
  )
})

describe("a graph", () => {
  live("leaves out hidden devices with their edges, and does not traverse them", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      const { directory, relations } = it.emulator.store
      const behind = directory.createAsset({ tenantId: it.tenant.tenantId, name: "Behind a hidden device", type: "room", now: 3 })
      relations.save({ fromId: it.ids[1]!, fromType: "DEVICE", toId: behind.id, toType: "ASSET", type: "Feeds" })
      relations.save({ fromId: it.customer, fromType: "CUSTOMER", toId: it.ids[0]!, toType: "DEVICE", type: "Owns" })
      const around = (key: string, root: string, more: string) => it.as(key, `/graph/${root}?max_depth=4${more}`)

      const { json, text } = yield* around("byId", it.room.id, "&root_type=ASSET&hard_node_limit=3")
      expect(json.nodes.map(({ id }: { readonly id: string }) => id).toSorted()).toEqual([it.room.id, it.ids[0]!, it.ids[3]!].toSorted())
      expect(json.edges.map(({ to }: { readonly to: string }) => to).toSorted()).toEqual([it.ids[0]!, it.ids[3]!].toSorted())
      // Hidden devices do not count.
      expect(json.truncated).toBe(false)
      for (const secret of [it.ids[1]!, behind.id, it.customer, "Canary"]) expect(text).not.toContain(secret)

      expect((yield* around("byType", it.room.id, "&root_type=ASSET")).text).toContain("Behind a hidden device")
      expect((yield* around("byId", it.customer, "&root_type=CUSTOMER")).status).toBe(404)
      expect((yield* it.call(`/api/v1/tb/graph/${it.ids[0]}?max_depth=4`)).text).toContain("Canary customer")
    })
  )

  live("takes the same number of calls regardless of what is connected to hidden devices", () =>
    Effect.gen(function* () {
      const it = yield* restrictedGateway()
      const { directory, relations } = it.emulator.store
      const { tenantId } = it.tenant
      const callsOf = Effect.fnUntraced(function* (key: string, path: string) {
        it.calls.length = 0
        const { json } = yield* it.as(key, path)
        return [json.nodes.length, json.edges.length, json.truncated, it.calls.length]
      })
      const roots = { byId: it.ids[0]!, byType: it.ids[1]!, byCustomer: it.ids[1]! }
      const paths = Object.entries(roots).flatMap(([key, root]) => [
        [key, `/graph/${root}?max_depth=1`] as const,
        [key, `/graph/${root}?max_depth=4`] as const,
        [key, `/graph/${it.room.id}?root_type=ASSET&max_depth=3`] as const
      ])
      const all = Effect.forEach(paths, ([key, path]) => Effect.map(callsOf(key, path), (found) => [key, path, ...found]))
      const device = (name: string) => directory.createDevice({ tenantId, name, type: "secret", now: 9 }).id
      const relate = (fromId: string, toId: string) => relations.save({ fromId, fromType: "DEVICE", toId, toType: "DEVICE", type: "Feeds" })
      const hidden = device("Hidden")
      for (const root of Object.values(roots)) relate(root, hidden)
      yield* all // calls that are made once
      const before = yield* all
      for (let i = 0; i < 300; i++) relate(hidden, device(`Behind ${i}`))
      expect(yield* all).toEqual(before)
      for (let i = 0; i < 40; i++) relate(device(`Pointing ${i}`), roots.byType)
      expect(yield* all).toEqual(before)
    })
  )
})
