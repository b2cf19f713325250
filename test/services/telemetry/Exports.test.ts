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
