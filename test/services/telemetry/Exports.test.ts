import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { type ExportQuery, Exports, type DevicesExportQuery } from "../../../src/services/telemetry/Exports.ts"
import { live } from "../../support/effectTest.ts"
import { emulatedServices, readText } from "../../support/emulatedServices.ts"

const t0 = 1_700_006_400_000
const range = { start: t0, end: t0 + 86_400_000 }

const exportDevice = (query: Partial<ExportQuery> & Pick<ExportQuery, "deviceId">) =>
  Effect.gen(function* () {
    const exports = yield* Exports
    const file = yield* exports.telemetry({ client: "anyone", keys: undefined, range, format: "json", aggregation: {}, ...query })
    return { ...file, text: yield* readText(file) }
  }).pipe(Effect.scoped)

const exportDevices = (query: Partial<DevicesExportQuery> & Pick<DevicesExportQuery, "selection">) =>
  Effect.gen(function* () {
    const exports = yield* Exports
    const file = yield* exports.devices({ client: "anyone", keys: undefined, range, format: "json", ...query })
    return { ...file, text: yield* readText(file) }
  }).pipe(Effect.scoped)

describe("aggregates as a file", () => {
  live("are the same in every format, with the time of their start", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const deviceId = device("Meter", {
        a: [
          [t0 + 1, 1n],
          [t0 + 2, 2n],
          [t0 + 7_200_000, 4n]
        ],
        b: [[t0, 8n]]
      })
      const aggregation = { agg: "SUM", interval: "1h" } as const
      const json = yield* use(exportDevice({ deviceId, aggregation, keys: ["b", "a", "nope"] }))
      expect(json.text).toBe(`{"b":[{"ts":${t0},"value":8}],"a":[{"ts":${t0},"value":3},{"ts":${t0 + 7_200_000},"value":4}],"nope":[]}`)
      expect((yield* use(exportDevice({ deviceId, aggregation, format: "csv" }))).text).toBe(
        `ts,key,value\r\n${t0},a,3\r\n${t0 + 7_200_000},a,4\r\n${t0},b,8\r\n`
      )
      expect((yield* use(exportDevice({ deviceId, aggregation, keys: ["b"], format: "jsonl" }))).text).toBe(
        `{"ts":${t0},"key":"b","value":8}\n`
      )
    })
  )

  live("are rejected before anything is read if the interval or the range is invalid", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const deviceId = device("Meter", { a: [[t0, 1n]] })
      const invalid = [
        exportDevice({ deviceId, aggregation: { agg: "MAX" } }),
        exportDevice({ deviceId, aggregation: { interval: "10" } }),
        exportDevice({ deviceId, aggregation: { interval: "1d", timezone: "Nowhere/Else" } }),
        exportDevice({ deviceId, range: { start: 5, end: 5 } })
      ]
      const errors = yield* use(Effect.forEach(invalid, Effect.flip))
      expect(errors.map((error) => (error._tag === "InvalidInput" ? error.errors.map(({ field }) => field) : error))).toEqual([
        ["interval"],
        ["interval"],
        ["timezone"],
        ["end_ts"]
      ])
      expect([calls.history.length, calls.other]).toEqual([0, 0])
    })
  )
})

describe("an export of many devices", () => {
  live("contains the devices in the requested order, with their ids and names", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const one = device("Hall", { a: [[t0, 1n]], b: [[t0, 2n]] })
      const two = device("Roof", {
        a: [
          [t0, 3n],
          [t0 + 1, 9_007_199_254_740_993n]
        ]
      })
      const none = device("New", {})
      const selection = { device_ids: [two, none, one] }
      const csv = yield* use(exportDevices({ selection, format: "csv" }))
      expect(csv.text.split("\r\n")).toEqual([
        "device_id,device_name,ts,key,value",
        `${two},Roof,${t0},a,3`,
        `${two},Roof,${t0 + 1},a,9007199254740993`,
        `${one},Hall,${t0},a,1`,
        `${one},Hall,${t0},b,2`,
        ""
      ])
      expect(csv.fileName).toBe("devices_telemetry.csv")
      expect((yield* use(exportDevices({ selection, format: "jsonl", keys: ["b"] }))).text).toBe(
        `{"device_id":"${one}","device_name":"Hall","ts":${t0},"key":"b","value":2}\n`
      )
      const json = JSON.parse((yield* use(exportDevices({ selection }))).text) as Record<string, { telemetry: object }>
      expect(Object.entries(json).map(([id, { telemetry }]) => [id, Object.keys(telemetry)])).toEqual([
        [two, ["a"]],
        [one, ["a", "b"]]
      ])
    })
  )

  live("by type contains all devices of the type, and no others", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const ids = Array.from({ length: 40 }, (_, i) => device(`Meter ${i}`, { a: [[t0, BigInt(i)]] }, "meter"))
      device("Other", { a: [[t0, 0n]] })
      const { fileName, text } = yield* use(exportDevices({ selection: { device_type: "meter" } }))
      expect(Object.keys(JSON.parse(text))).toEqual(ids)
      expect(fileName).toBe("meter_telemetry.json")
      expect((yield* use(exportDevices({ selection: { device_type: "nothing" } }))).text).toBe("{}")
    })
  )

  live("fails before the first byte if a requested device does not exist", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const id = "784f394c-42b6-435a-983c-b7beff2784f9"
      const error = yield* use(Effect.flip(exportDevices({ selection: { device_ids: [device("Hall", { a: [[t0, 1n]] }), id] } })))
      expect(error).toMatchObject({ _tag: "EntityNotFound", id })
      expect(calls.history).toEqual([])
    })
  )

  live("is complete when ThingsBoard fails during the export and reads succeed on retry", () =>
    Effect.gen(function* () {
      const { device, faults, use } = yield* emulatedServices()
      const ids = Array.from({ length: 4 }, (_, i) => device(`Meter ${i}`, { a: [[t0, BigInt(i)]] }))
      const expected = yield* use(exportDevices({ selection: { device_ids: ids }, format: "jsonl" }))
      faults.inject({ path: `*/${ids[1]}/keys/timeseries`, outcome: { type: "Garbage" } })
      faults.inject({ path: `*/${ids[2]}/values/timeseries/history`, outcome: { type: "Garbage" } })
      const retried = yield* use(exportDevices({ selection: { device_ids: ids }, format: "jsonl" }))
      expect(retried.text).toBe(expected.text)
      expect(retried.text.split("\n").length).toBe(5)
    })
  )

  live("fails if a device is deleted during the export", () =>
    Effect.gen(function* () {
      const { device, faults, use } = yield* emulatedServices()
      const ids = Array.from({ length: 3 }, (_, i) => device(`Meter ${i}`, { a: [[t0, BigInt(i)]] }))
      faults.inject({ path: `*/${ids[2]}/keys/timeseries`, outcome: { type: "Status", status: 404 } })
      const error = yield* use(Effect.flip(exportDevices({ selection: { device_ids: ids }, format: "json" })))
      expect(error).toMatchObject({ _tag: "ThingsBoardError", reason: { _tag: "NotFound" } })
    })
  )
})

describe("the calls to ThingsBoard", () => {
  const points = (count: number) => Array.from({ length: count }, (_, i) => [t0 + i, BigInt(i)] as const)
  /** The devices with three keys, then one with another key, one without values, and one with more points than a first page has. */
  const plant = Effect.fnUntraced(function* (settings: { readonly tbLatestIsNewest?: boolean } = {}) {
    const services = yield* emulatedServices({ settings })
    const ids = Array.from({ length: 30 }, (_, i) => services.device(`Meter ${i}`, { a: points(20), b: points(i), c: points(3) }, "meter"))
    ids.push(services.device("Other", { d: points(5) }, "meter"), services.device("New", {}, "meter"))
    ids.push(services.device("Long", { a: points(9000), b: points(1), c: points(1) }, "meter"))
    const expected = (keys: ReadonlyArray<string>, from = 0) =>
      ids.flatMap((id, i) =>
        keys.flatMap((key) => {
          const counts: Record<string, number> =
            i < 30 ? { a: 20, b: i, c: 3 } : ([{ d: 5 }, {}, { a: 9000, b: 1, c: 1 }] as const)[i - 30]!
          return Array.from({ length: Math.max(0, (counts[key] ?? 0) - from) }, (_, n) => `${id} ${key} ${t0 + from + n} ${from + n}`)
        })
      )
    return { ...services, ids, expected }
  })
  const rowsOf = (csv: string) =>
    csv
      .split("\r\n")
      .slice(1, -1)
      .map((line) => line.split(","))
      .map(([id, , ts, key, value]) => `${id} ${key} ${ts} ${value}`)

  live("are one for the devices and their keys, one per device, and one per further page, if keys are named", () =>
    Effect.gen(function* () {
      const { calls, expected, use } = yield* plant()
      const { text } = yield* use(exportDevices({ selection: { device_type: "meter" }, keys: ["c", "a", "b"], format: "csv" }))
      expect(rowsOf(text)).toEqual(expected(["c", "a", "b"]))
      expect(calls.other).toBe(1)
      // 30 devices, and the one with 9,000 points of a key; the others have none of the keys.
      const first = calls.history.filter(({ start }) => start === t0)
      expect([first.length, calls.history.length <= 31 + 2]).toEqual([31, true])
      expect(new Set(first.map(({ keys }) => keys.length))).toEqual(new Set([2, 3]))
    })
  )

  live("are one for the devices, and two per device, for all keys", () =>
    Effect.gen(function* () {
      const { calls, expected, ids, use } = yield* plant()
      const { text } = yield* use(exportDevices({ selection: { device_ids: ids }, format: "csv" }))
      expect(rowsOf(text)).toEqual(expected(["a", "b", "c", "d"]))
      expect(calls.other).toBe(1 + ids.length)
      expect(calls.history.filter(({ start }) => start === t0).length).toBe(ids.length - 1)
    })
  )

  live("are none for devices whose values are older than the range, but only if the latest value is known to be the newest", () =>
    Effect.gen(function* () {
      const later = { start: t0 + 100, end: t0 + 100_000 }
      for (const [tbLatestIsNewest, historyCalls] of [
        [true, 1],
        [false, 31]
      ] as const) {
        const { calls, expected, use } = yield* plant({ tbLatestIsNewest })
        const selection = { device_type: "meter" }
        const { text } = yield* use(exportDevices({ selection, keys: ["a", "b"], format: "csv", range: later }))
        expect(rowsOf(text)).toEqual(expected(["a", "b"], 100))
        expect([calls.other, calls.history.filter(({ start }) => start === later.start).length]).toEqual([1, historyCalls])
      }
    })
  )

  live("for one device are one for its keys and one for 300 of them, and none for the keys if they are known", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const keys = Array.from({ length: 300 }, (_, i) => `key_${String(i).padStart(3, "0")}`)
      const deviceId = device("Meter", Object.fromEntries(keys.map((key) => [key, points(10)])))
      const all = yield* use(exportDevice({ deviceId, format: "csv" }))
      expect(all.text.split("\r\n").length).toBe(3002)
      expect([calls.other, calls.history.length]).toEqual([2, 1]) // the device, its keys, the points
      const named = yield* use(exportDevice({ deviceId, keys: ["key_007", "key_001"], format: "csv" }))
      expect(named.text.split("\r\n").slice(1, -1)).toEqual(
        ["key_007", "key_001"].flatMap((key) => points(10).map(([ts, value]) => `${ts},${key},${value}`))
      )
      expect([calls.other, calls.history.length]).toEqual([3, 2]) // the device again: CACHE_TTL is 0 here
    })
  )

  live("for keys that no device has are those for the keys of each device, since ThingsBoard may keep latest values elsewhere", () =>
    Effect.gen(function* () {
      const { calls, ids, use } = yield* plant()
      const { text } = yield* use(exportDevices({ selection: { device_ids: ids }, keys: ["nope"], format: "csv" }))
      expect([rowsOf(text), calls.other, calls.history]).toEqual([[], 1 + ids.length, []])
    })
  )
})
