/** Workbooks and Parquet files, from the request to what third-party readers find in them. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { Value } from "../../src/emulator/values/Value.ts"
import { readParquet, readXlsx } from "../support/fileReaders.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const tb = "/api/v1/tb"
const noon = Date.UTC(2024, 1, 29, 12)
const mediaTypes = {
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  parquet: "application/vnd.apache.parquet"
}
const nothing = { value_double: null, value_long: null, value_bool: null, value_text: null }

const open = Effect.fnUntraced(function* () {
  const { emulator, tenant, url } = yield* gateway()
  const device = (name: string, points: Readonly<Record<string, ReadonlyArray<Value>>>) => {
    const made = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name, type: "meter", now: name.length })
    for (const [key, values] of Object.entries(points)) {
      emulator.store.telemetry.save(
        made,
        values.map((value, i) => ({ key, ts: noon + i, value }))
      )
    }
    return made.id
  }
  const file = (path: string, headers: Record<string, string> = {}, body?: object) =>
    Effect.promise(async () => {
      const response = await fetch(`${url}${tb}/${path}`, {
        headers: { "x-api-key": canaries.apiKey, "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) })
      })
      return {
        status: response.status,
        type: response.headers.get("content-type"),
        name: response.headers.get("content-disposition"),
        bytes: await response.bytes()
      }
    })
  return { device, file }
})

const range = `start_ts=${noon}&end_ts=${noon + 1000}`

describe("a workbook", () => {
  live("has a sheet for each requested key, in that order, with exact values", () =>
    Effect.gen(function* () {
      const { device, file } = yield* open()
      const id = device("Roof 1", { load: [9_007_199_254_740_993n, 7n], "mode/now": ["=1+1"] })
      const { bytes, name, status, type } = yield* file(`devices/${id}/telemetry/export?${range}&keys=mode/now,load,absent&format=xlsx`)
      expect([status, type, name]).toEqual([200, mediaTypes.xlsx, 'attachment; filename="Roof_1_telemetry.xlsx"'])
      const book = yield* Effect.promise(() => readXlsx(bytes))
      expect(book.map(({ name, rows }) => [name, ...rows.map((row) => row[2])])).toEqual([
        ["mode_now", ["s", "mode/now"], ["s", "=1+1"]],
        ["load", ["s", "value"], ["s", "9007199254740993"], ["n", "7"]],
        ["absent", ["s", "value"]]
      ])
      expect(book[1]!.rows[2]!.slice(0, 2)).toEqual([
        ["d", "2024-02-29T12:00:00.001"],
        ["n", String(noon + 1)]
      ])
    })
  )

  live("of aggregates has one row per bucket", () =>
    Effect.gen(function* () {
      const { device, file } = yield* open()
      const id = device("Roof", { load: [1n, 2n] })
      const { bytes } = yield* file(
        `devices/${id}/telemetry/export?start_ts=${noon}&end_ts=${noon + 7_200_000}&agg=SUM&interval=1h&format=xlsx`
      )
      const [sheet] = yield* Effect.promise(() => readXlsx(bytes))
      expect(sheet!.rows.slice(1)).toEqual([
        [
          ["d", "2024-02-29T12:00:00.000"],
          ["n", String(noon)],
          ["n", "3"]
        ]
      ])
    })
  )

  live("of many devices is a single table", () =>
    Effect.gen(function* () {
      const { device, file } = yield* open()
      const [one, two] = [device("Roof", { a: [1n], b: [2n] }), device("Cellar", { a: [true] })]
      const body = { device_ids: [two, one], start_ts: noon, end_ts: noon + 1000, format: "xlsx" }
      const { bytes, name, type } = yield* file("telemetry/export", {}, body)
      expect([type, name]).toEqual([mediaTypes.xlsx, 'attachment; filename="devices_telemetry.xlsx"'])
      const book = yield* Effect.promise(() => readXlsx(bytes))
      expect(book.map(({ name, rows }) => ({ name, rows: rows.slice(1).map((row) => row.map(([, value]) => value)) }))).toEqual([
        {
          name: "telemetry",
          rows: [
            [two, "Cellar", "a", "2024-02-29T12:00:00.000", String(noon), true],
            [one, "Roof", "a", "2024-02-29T12:00:00.000", String(noon), "1"],
            [one, "Roof", "b", "2024-02-29T12:00:00.000", String(noon), "2"]
          ]
        }
      ])
    })
  )
})

describe("a Parquet file", () => {
  live("is returned if the Accept header names it, with exact integers", () =>
    Effect.gen(function* () {
      const { device, file } = yield* open()
      const id = device("Roof", { load: [9_223_372_036_854_775_807n, 2.5], mode: ["007x", false] })
      const { bytes, name, status, type } = yield* file(`devices/${id}/telemetry/export?${range}`, { accept: mediaTypes.parquet })
      expect([status, type, name]).toEqual([200, mediaTypes.parquet, 'attachment; filename="Roof_telemetry.parquet"'])
      expect((yield* Effect.promise(() => readParquet(bytes))).rows).toEqual([
        { ts: noon, key: "load", ...nothing, value_long: "9223372036854775807" },
        { ts: noon + 1, key: "load", ...nothing, value_double: 2.5 },
        { ts: noon, key: "mode", ...nothing, value_text: "007x" },
        { ts: noon + 1, key: "mode", ...nothing, value_bool: false }
      ])
    })
  )

  live("of many devices names the device in each row", () =>
    Effect.gen(function* () {
      const { device, file } = yield* open()
      const [one, two] = [device("Roof", { a: [1n] }), device("Cellar", { a: [2n] })]
      const body = { device_type: "meter", start_ts: noon, end_ts: noon + 1000, format: "parquet" }
      const { bytes, name } = yield* file("telemetry/export", {}, body)
      expect(name).toBe('attachment; filename="meter_telemetry.parquet"')
      const { rows } = yield* Effect.promise(() => readParquet(bytes))
      expect(rows.map(({ device_id, device_name, key, value_long }) => [device_id, device_name, key, value_long])).toEqual([
        [one, "Roof", "a", "1"],
        [two, "Cellar", "a", "2"]
      ])
    })
  )
})
