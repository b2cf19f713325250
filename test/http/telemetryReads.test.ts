/** Queries, aggregates and many devices, from the request to the bytes of the response. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { DeviceId } from "../../src/domain/Ids.ts"
import type { Value } from "../../src/emulator/values/Value.ts"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const tb = "/api/v1/tb"
const t0 = 1_700_006_400_000
const absent = "784f394c-42b6-435a-983c-b7beff2784f9"

const open = Effect.fnUntraced(function* () {
  const { call, client, emulator, tenant } = yield* gateway()
  const device = (name: string, a: ReadonlyArray<readonly [ts: number, value: Value]>) => {
    const made = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name, type: "meter", now: 0 })
    emulator.store.telemetry.save(
      made,
      a.map(([ts, value]) => ({ key: "a", ts, value }))
    )
    return made.id as DeviceId
  }
  return { call, client, device }
})

const fieldsOf = (json: { details: { errors: ReadonlyArray<{ field: string }> } }) => json.details.errors.map(({ field }) => field)

describe("a query", () => {
  live("returns what it read, and a cursor to the next page", () =>
    Effect.gen(function* () {
      const { call, device } = yield* open()
      const id = device("Meter", [
        [t0, 1n],
        [t0 + 1, 9_007_199_254_740_993n],
        [t0 + 2, 3n]
      ])
      const body = { keys: ["a", "b"], start_ts: t0, end_ts: t0 + 3_600_000, limit: 2 }
      const first = yield* call(`${tb}/devices/${id}/telemetry/query`, { body })
      expect(first.text).toContain(`"data":{"a":[{"ts":${t0 + 2},"value":3},{"ts":${t0 + 1},"value":9007199254740993}],"b":[]}`)
      expect(first.json).toMatchObject({
        status: "success",
        device_id: id,
        query: { ...body, order: "DESC", interval: null, agg: "NONE", timezone: null },
        metadata: {
          total_points: 2,
          keys_found: ["a"],
          keys_missing: ["b"],
          time_range: { start: t0, end: t0 + 3_600_000, duration_hours: 1 }
        }
      })
      const second = yield* call(`${tb}/devices/${id}/telemetry/query`, { body: { ...body, cursor: first.json.next_cursor } })
      expect([second.json.data, second.json.next_cursor]).toEqual([{ a: [{ ts: t0, value: 1 }], b: [] }, null])
    })
  )

  live("can be read by the typed client", () =>
    Effect.gen(function* () {
      const { client, device } = yield* open()
      const id = device("Meter", [[t0, 21.5]])
      const found = yield* client.telemetry.query({
        params: { device_id: id },
        payload: { keys: ["a"], start_ts: t0, end_ts: t0 + 60_000, interval: "1m", order: "ASC" }
      })
      expect([found.query.agg, found.query.interval, found.data]).toEqual(["AVG", "1m", { a: [{ ts: t0, value: 21.5 }] }])
      const many = yield* client.telemetry.latestOfMany({ payload: { device_ids: [id, absent as DeviceId], keys: ["a", "b"] } })
      expect(many.data).toEqual({ [id]: { device_name: "Meter", values: { a: { ts: t0, value: 21.5 }, b: null } } })
      expect(many.not_found).toEqual([absent])
    })
  )

  live("that is invalid is rejected with the errors listed", () =>
    Effect.gen(function* () {
      const { call, device } = yield* open()
      const path = `${tb}/devices/${device("Meter", [[t0, 1n]])}/telemetry`
      const refused = yield* Effect.all([
        call(`${path}/query`, { body: { keys: ["a"], agg: "MAX", timezone: "Mars/Olympus" } }),
        call(`${path}/query`, { body: { keys: ["a"], start_ts: 5, end_ts: 4 } }),
        call(`${path}/query`, { body: { keys: ["a"], cursor: "bm90IGEgY3Vyc29y" } }),
        call(`${path}?start_ts=0&end_ts=1000&agg=MAX`),
        call(`${path}?start_ts=0&end_ts=1000&interval=999`),
        call(`${path}?start_ts=1000&end_ts=1000`)
      ])
      expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 400))
      expect(refused.map(({ json }) => fieldsOf(json))).toEqual([
        ["body.timezone", "body.interval"],
        ["body.end_ts"],
        ["body.cursor"],
        ["query.interval"],
        expect.arrayContaining([expect.stringContaining("query.interval")]),
        ["query.end_ts"]
      ])
    })
  )
})

live("an empty list of ids counts as absent, where ids or a type are required", () =>
  Effect.gen(function* () {
    const { call, device } = yield* open()
    const id = device("Meter", [[t0, 1n]])
    const range = { start_ts: t0, end_ts: t0 + 1 }
    const statuses = Effect.fnUntraced(function* (path: string, rest: object) {
      const bodies = [
        { device_ids: [], device_type: "meter" },
        { device_ids: [id] },
        { device_ids: [] },
        {},
        { device_ids: [id], device_type: "meter" }
      ]
      const answers = yield* Effect.forEach(bodies, (body) => call(`${tb}/${path}`, { body: { ...body, ...rest } }))
      for (const { text } of answers.slice(0, 2)) expect(text).toContain(id)
      for (const { text } of answers.slice(2)) expect(text).toContain("Expected either device_ids or device_type")
      return answers.map(({ status }) => status)
    })
    expect(yield* statuses("telemetry/latest", { keys: ["a"] })).toEqual([200, 200, 400, 400, 400])
    expect(yield* statuses("telemetry/export", range)).toEqual([200, 200, 400, 400, 400])
  })
)

live("aggregates of hours begin at local hours, across a change of the clocks too", () =>
  Effect.gen(function* () {
    const { call, device } = yield* open()
    // The night in which Berlin has the hour from 02:00 to 03:00 twice.
    const midnight = Date.parse("2024-10-27T00:00+02:00")
    const hour = 3_600_000
    const id = device(
      "Meter",
      Array.from({ length: 50 }, (_, i) => [midnight + i * (hour / 2), 1n] as const)
    )
    const range = { start_ts: midnight, end_ts: midnight + 25 * hour }
    const options = { agg: "COUNT", interval: "6h", timezone: "Europe/Berlin" }
    const expected = ["00:00+02:00", "06:00+01:00", "12:00+01:00", "18:00+01:00"].map((time, i) => ({
      ts: Date.parse(`2024-10-27T${time}`),
      value: i === 0 ? 14 : 12
    }))
    const query = new URLSearchParams(Object.entries({ ...range, ...options }).map(([name, value]) => [name, String(value)]))
    expect((yield* call(`${tb}/devices/${id}/telemetry?${query}`)).json).toEqual({ a: expected })
    for (const order of ["ASC", "DESC"]) {
      const found: Array<unknown> = []
      for (let cursor: string | undefined; ;) {
        const body = { keys: ["a"], ...range, ...options, order, limit: 1, ...(cursor === undefined ? {} : { cursor }) }
        const { json } = yield* call(`${tb}/devices/${id}/telemetry/query`, { body })
        found.push(...json.data.a)
        if (json.next_cursor === null) break
        cursor = json.next_cursor
      }
      expect(order === "ASC" ? found : found.toReversed()).toEqual(expected)
    }
  })
)

describe("files", () => {
  live("of aggregates and of many devices can be downloaded", () =>
    Effect.gen(function* () {
      const { call, device } = yield* open()
      const id = device("Meter", [
        [t0 + 1, 1n],
        [t0 + 2, 3n]
      ])
      const hours = yield* call(`${tb}/devices/${id}/telemetry/export?start_ts=${t0}&end_ts=${t0 + 7_200_000}&interval=1h&format=csv`)
      expect(hours.text).toBe(`ts,key,value\r\n${t0},a,2.0\r\n`)
      const body = { device_type: "meter", start_ts: t0, end_ts: t0 + 9, format: "csv" }
      const rows = yield* call(`${tb}/telemetry/export`, { body })
      expect(rows.text).toBe(
        ["device_id,device_name,ts,key,value", `${id},Meter,${t0 + 1},a,1`, `${id},Meter,${t0 + 2},a,3`, ""].join("\r\n")
      )
      // Generated clients in Java send lists that nobody set as empty lists.
      expect((yield* call(`${tb}/telemetry/export`, { body: { ...body, device_ids: [], keys: [] } })).text).toBe(rows.text)
      expect(rows.headers.get("content-disposition")).toBe('attachment; filename="meter_telemetry.csv"')
      const missing = yield* call(`${tb}/telemetry/export`, { body: { device_ids: [id, absent], start_ts: t0, end_ts: t0 + 9 } })
      expect([missing.status, missing.json.details]).toEqual([404, { device_id: absent }])
    })
  )
})
