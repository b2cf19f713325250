/** Devices, assets, keys, latest values and history through the gateway, with the typed client where it is sufficient. */
import { expect } from "bun:test"
import { Effect, Redacted } from "effect"
import { DeviceId, EntityId } from "../../src/domain/Ids.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const tb = "/api/v1/tb"

type Gateway = Effect.Success<ReturnType<typeof gateway>>

const addDevices = ({ emulator, tenant }: Gateway, count: number, type = "sensor") => {
  const { directory, transaction } = emulator.store
  return transaction(() =>
    Array.from({ length: count }, (_, i) =>
      directory.createDevice({
        tenantId: tenant.tenantId,
        name: `Device ${String(i).padStart(3, "0")}`,
        type,
        now: 1_700_000_000_000 + i,
        label: i % 2 ? "odd" : null
      })
    )
  )
}

live("lists are paged, searched, filtered and sorted, with correct totals", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    addDevices(it, 12)
    addDevices({ ...it }, 0)
    const { client } = it
    const first = yield* client.devices.list({ query: { page_size: 5, sort: "name", order: "DESC" } })
    expect(first.data.map(({ name }) => name)).toEqual(["Device 011", "Device 010", "Device 009", "Device 008", "Device 007"])
    expect(first.pagination).toEqual({ page: 0, page_size: 5, total_pages: 3, total_elements: 12, has_next: true })
    const last = yield* client.devices.list({ query: { page: 2, page_size: 5, sort: "name" } })
    expect([last.data.length, last.pagination.has_next]).toEqual([2, false])
    expect((yield* client.devices.list({ query: { text_search: "DEVICE 00" } })).pagination.total_elements).toBe(10)
    expect((yield* client.devices.list({ query: { device_type: "nothing" } })).data).toEqual([])
    expect((yield* client.devices.list({ query: { active: true } })).data).toEqual([])
    expect((yield* client.devices.types({ query: {} })).data.map(({ name }) => name).toSorted()).toEqual(["default", "sensor"])
  })
)

live("a device is returned as ThingsBoard describes it, byte for byte", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    const { directory } = it.emulator.store
    const info = '{"serial":9007199254740993,"gain":1.10,"note":"\\u00e9 \\"quoted\\""}'
    const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Exact", type: "sensor", now: 1, additionalInfo: info })
    const answer = yield* it.call(`${tb}/devices/${device.id}`)
    expect(answer.status).toBe(200)
    expect(answer.text).toContain('"serial":9007199254740993')
    expect(answer.json.data.name).toBe("Exact")
    expect((yield* it.client.devices.get({ params: { device_id: DeviceId.make(device.id) } })).data.type).toBe("sensor")
  })
)

live("latest values keep every digit, and a key without values is null", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    const [device] = addDevices(it, 1)
    it.emulator.store.telemetry.save(device!, [
      { key: "count", ts: 5, value: 9_007_199_254_740_993n },
      { key: "whole", ts: 5, value: 5 },
      { key: "small", ts: 5, value: 1.2345678912345679e8 },
      { key: "a+b % &/ü", ts: 6, value: "é💡" }
    ])
    const answer = yield* it.call(
      `${tb}/devices/${device!.id}/telemetry/latest?keys=count,whole,small,nothing,${encodeURIComponent("a+b % &/ü")}`
    )
    expect(answer.text).toContain('"count":{"ts":5,"value":9007199254740993}')
    expect(answer.text).toContain('"whole":{"ts":5,"value":5.0}')
    expect(answer.text).toContain('"small":{"ts":5,"value":1.2345678912345679E8}')
    expect(answer.json.data["a+b % &/ü"]).toEqual({ ts: 6, value: "é💡" })
    expect(answer.json.data.nothing).toBeNull()
    expect(answer.json.keys_requested).toEqual(["count", "whole", "small", "nothing", "a+b % &/ü"])
    expect((yield* it.call(`${tb}/devices/${device!.id}/keys`)).json.data).toEqual(["a+b % &/ü", "count", "small", "whole"])
  })
)

live("history is complete: no row is lost or duplicated, in the requested order, in every text format", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    const [device] = addDevices(it, 1)
    const count = 7321
    const start = 1_700_000_000_000
    const at = (i: number) => start + i * 1000
    it.emulator.store.telemetry.loadBulk(
      device!,
      "b",
      Array.from({ length: count }, (_, i) => ({ ts: at(i), value: BigInt(i) * 10_000_000_000_007n }))
    )
    it.emulator.store.telemetry.loadBulk(device!, "a", [{ ts: at(3), value: '=cmd,"x"\n' }])
    const range = `start_ts=${start}&end_ts=${at(count - 1)}` // excludes the last point
    const url = `${tb}/devices/${device!.id}/telemetry/export?keys=b,missing,a&${range}`

    const json = yield* it.call(url.replace("/export", ""))
    expect(Object.keys(json.json)).toEqual(["b", "missing", "a"])
    expect(json.json.b.length).toBe(count - 1)
    expect(json.json.missing).toEqual([])
    const lines = (yield* it.call(`${url}&format=jsonl`)).text.trimEnd().split("\n")
    expect(lines.length).toBe(count)
    expect(new Set(lines).size).toBe(count)
    expect(lines[2]).toBe(`{"ts":${at(2)},"key":"b","value":20000000000014}`)
    const csv = yield* it.call(`${url}&format=csv`)
    expect(csv.headers.get("content-disposition")).toBe('attachment; filename="Device_000_telemetry.csv"')
    const rows = csv.text.split("\r\n")
    expect(rows[0]).toBe("ts,key,value")
    expect(rows.slice(1, count)).toEqual(Array.from({ length: count - 1 }, (_, i) => `${at(i)},b,${BigInt(i) * 10_000_000_000_007n}`))
    expect(rows[count]).toBe(`${at(3)},a,"'=cmd,""x""\n"`)
    expect((yield* it.call(url, { headers: { accept: "text/csv;q=0.5, application/x-ndjson" } })).headers.get("content-type")).toBe(
      "application/x-ndjson"
    )
  })
)

live("the series is JSON whatever the Accept header prefers, and other formats only by the deprecated parameter", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    const [device] = addDevices(it, 1)
    it.emulator.store.telemetry.save(device!, [{ key: "a", ts: 5, value: 1n }])
    const path = `${tb}/devices/${device!.id}/telemetry`
    const typeOf = Effect.fnUntraced(function* (rest: string, accept: string) {
      const { headers, status } = yield* it.call(`${path}${rest}`, { headers: { accept } })
      expect(status).toBe(200)
      return headers.get("content-type")
    })
    const range = "start_ts=0&end_ts=9"
    expect(yield* typeOf(`?${range}`, "text/csv")).toBe("application/json")
    expect(yield* typeOf(`?${range}&format=csv`, "application/json")).toBe("text/csv; charset=utf-8; header=present")
    expect(
      (yield* it.client.telemetry.series({ params: { device_id: DeviceId.make(device!.id) }, query: { start_ts: 0, end_ts: 9 } }))["a"]
    ).toEqual([{ ts: 5, value: 1 }])
    expect(yield* typeOf(`/export?${range}`, "application/octet-stream")).toBe("text/csv; charset=utf-8; header=present")
    expect(yield* typeOf(`/export?${range}`, "*/*")).toBe("text/csv; charset=utf-8; header=present")
    expect(yield* typeOf(`/export?${range}`, "application/json")).toBe("application/json")
    expect(yield* typeOf(`/export?${range}&format=json`, "text/csv")).toBe("application/json")
  })
)

live("a device that a customer's user may not see is not found, and neither is its history", () =>
  Effect.gen(function* () {
    const admin = yield* gateway()
    const { accounts, directory, telemetry } = admin.emulator.store
    const { tenantId } = admin.tenant
    const customer = directory.createCustomer({ tenantId, name: "Customer", now: 1 })
    const mine = directory.createDevice({ tenantId, name: "Mine", now: 1, customerId: customer.id })
    const other = directory.createDevice({ tenantId, name: "Other", now: 1 })
    for (const device of [mine, other]) telemetry.save(device, [{ key: "v", ts: 1000, value: 1n }])
    const password = Redacted.make(canaries.password)
    accounts.createUser({ tenantId, email: "guest@example.com", authority: "CUSTOMER_USER", password, customerId: customer.id, now: 1 })
    const it = yield* gateway({
      settings: { tbHost: admin.emulator.url, tbCredentials: { _tag: "Password", username: "guest@example.com", password } }
    })

    expect((yield* it.client.devices.list({ query: {} })).data.map(({ name }) => name)).toEqual(["Mine"])
    expect((yield* it.call(`${tb}/devices/${mine.id}/telemetry?start_ts=0&end_ts=2000`)).json).toEqual({ v: [{ ts: 1000, value: 1 }] })
    const foreign = [
      `devices/${other.id}`,
      `devices/${other.id}/keys`,
      `devices/${other.id}/telemetry?start_ts=0&end_ts=2000`,
      `devices/${other.id}/telemetry/latest`,
      `devices/${other.id}/attributes`,
      `graph/${other.id}`
    ]
    const body = { keys: ["v"], start_ts: 0, end_ts: 2000 }
    const answers = [
      ...(yield* Effect.forEach(foreign, (path) => it.call(`${tb}/${path}`))),
      yield* it.call(`${tb}/devices/${other.id}/telemetry/query`, { body }),
      yield* it.call(`${tb}/devices/${other.id}/attributes/server`, { body: { a: 1 } })
    ]
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404))
    for (const { text } of answers) expect(text).not.toContain('"value"')
  })
)

live("a graph has every relation once, including those between siblings, in few calls regardless of its size", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    const { directory, relations } = it.emulator.store
    const { tenantId } = it.tenant
    const room = directory.createAsset({ tenantId, name: "Room", type: "room", now: 1 })
    const devices = addDevices(it, 60)
    for (const device of devices)
      relations.save({ fromId: room.id, fromType: "ASSET", toId: device.id, toType: "DEVICE", type: "Contains" })
    relations.save({ fromId: devices[0]!.id, fromType: "DEVICE", toId: devices[1]!.id, toType: "DEVICE", type: "Feeds" })

    const around = yield* it.client.graph.around({ params: { root_id: EntityId.make(devices[5]!.id) }, query: { max_depth: 2 } })
    expect(around.nodes.length).toBe(61)
    expect(around.edges.length).toBe(61)
    expect(around.nodes.find(({ id }) => id === room.id)).toMatchObject({ name: "Room", type: "ASSET", depth: 1 })
    expect(around.truncated).toBe(false)
    const few = yield* it.client.graph.around({
      params: { root_id: EntityId.make(room.id) },
      query: { root_type: "ASSET", hard_node_limit: 10 }
    })
    expect([few.nodes.length, few.truncated]).toEqual([10, true])
    expect(few.edges.every(({ from, to }) => few.nodes.some(({ id }) => id === from) && few.nodes.some(({ id }) => id === to))).toBe(true)
    const alone = yield* it.client.graph.around({
      params: { root_id: EntityId.make(room.id) },
      query: { root_type: "ASSET", max_depth: 0 }
    })
    expect([alone.nodes.length, alone.edges.length]).toEqual([1, 0])
    const wrongType = yield* it.call(`${tb}/graph/${room.id}?root_type=DEVICE`)
    expect(wrongType.status).toBe(404)
    const drawing = yield* it.call(`${tb}/graph/${room.id}/diagram?root_type=ASSET&max_depth=1&format=dot`)
    expect(drawing.text).toStartWith("digraph boardwalk {")
    expect(drawing.headers.get("content-type")).toBe("text/plain; charset=utf-8")
    const mermaid = yield* it.client.graph.diagram({
      params: { root_id: EntityId.make(room.id) },
      query: { root_type: "ASSET", max_depth: 1, format: "mermaid" }
    })
    expect(mermaid).toStartWith("flowchart LR\n")
    // The format of a diagram is required, and the graph itself has no format.
    for (const path of [`${room.id}/diagram?root_type=ASSET`, `${room.id}?root_type=ASSET&format=dot`])
      expect((yield* it.call(`${tb}/graph/${path}`)).json.details.errors.map(({ field }: { field: string }) => field)).toEqual([
        "query.format"
      ])
  })
)
