import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { type ExportQuery, Exports, type DevicesExportQuery } from "../../../src/services/telemetry/Exports.ts"
import { live } from "../../support/effectTest.ts"
import { emulatedServices, readText } from "../../support/emulatedServices.ts"

const t0 = 1_700_006_400_000
const range = { start: t0, end: t0 + 86_400_000 }

const fileOf = (query: Partial<ExportQuery> & Pick<ExportQuery, "deviceId">) =>
  Effect.gen(function* () {
    const exports = yield* Exports
    const file = yield* exports.telemetry({ client: "anyone", keys: undefined, range, format: "json", aggregation: {}, ...query })
    return { ...file, text: yield* readText(file) }
  }).pipe(Effect.scoped)

const filesOf = (query: Partial<DevicesExportQuery> & Pick<DevicesExportQuery, "selection">) =>
  Effect.gen(function* () {
    const exports = yield* Exports
    const file = yield* exports.devices({ client: "anyone", keys: undefined, range, format: "json", ...query })
    return { ...file, text: yield* readText(file) }
  }).pipe(Effect.scoped)

describe("aggregates as a file", () => {
  live("are the same in every format, dated at their start", () =>
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
      const json = yield* use(fileOf({ deviceId, aggregation, keys: ["b", "a", "nope"] }))
      expect(json.text).toBe(`{"b":[{"ts":${t0},"value":8}],"a":[{"ts":${t0},"value":3},{"ts":${t0 + 7_200_000},"value":4}],"nope":[]}`)
      expect((yield* use(fileOf({ deviceId, aggregation, format: "csv" }))).text).toBe(
        `ts,key,value\r\n${t0},a,3\r\n${t0 + 7_200_000},a,4\r\n${t0},b,8\r\n`
      )
      expect((yield* use(fileOf({ deviceId, aggregation, keys: ["b"], format: "jsonl" }))).text).toBe(`{"ts":${t0},"key":"b","value":8}\n`)
    })
  )

  live("are refused before anything is read when the interval or the range is wrong", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const deviceId = device("Meter", { a: [[t0, 1n]] })
      const wrong = [
        fileOf({ deviceId, aggregation: { agg: "MAX" } }),
        fileOf({ deviceId, aggregation: { interval: 10 } }),
        fileOf({ deviceId, aggregation: { interval: "1d", timezone: "Nowhere/Else" } }),
        fileOf({ deviceId, range: { start: 5, end: 5 } })
      ]
      const errors = yield* use(Effect.forEach(wrong, Effect.flip))
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

describe("many devices in a file", () => {
  live("come one after the other in the order asked, with their ids and names", () =>
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
      const csv = yield* use(filesOf({ selection, format: "csv" }))
      expect(csv.text.split("\r\n")).toEqual([
        "device_id,device_name,ts,key,value",
        `${two},Roof,${t0},a,3`,
        `${two},Roof,${t0 + 1},a,9007199254740993`,
        `${one},Hall,${t0},a,1`,
        `${one},Hall,${t0},b,2`,
        ""
      ])
      expect(csv.fileName).toBe("devices_telemetry.csv")
      expect((yield* use(filesOf({ selection, format: "jsonl", keys: ["b"] }))).text).toBe(
        `{"device_id":"${one}","device_name":"Hall","ts":${t0},"key":"b","value":2}\n`
      )
      const json = JSON.parse((yield* use(filesOf({ selection }))).text) as Record<string, { telemetry: object }>
      expect(Object.entries(json).map(([id, { telemetry }]) => [id, Object.keys(telemetry)])).toEqual([
        [two, ["a"]],
        [one, ["a", "b"]]
      ])
    })
  )

  live("of a type are all of it, and no others", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const ids = Array.from({ length: 40 }, (_, i) => device(`Meter ${i}`, { a: [[t0, BigInt(i)]] }, "meter"))
      device("Other", { a: [[t0, 0n]] })
      const { fileName, text } = yield* use(filesOf({ selection: { device_type: "meter" } }))
      expect(Object.keys(JSON.parse(text))).toEqual(ids)
      expect(fileName).toBe("meter_telemetry.json")
      expect((yield* use(filesOf({ selection: { device_type: "nothing" } }))).text).toBe("{}")
    })
  )

  live("fail when one that is named is missing, before a byte is sent", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const id = "784f394c-42b6-435a-983c-b7beff2784f9"
      const error = yield* use(Effect.flip(filesOf({ selection: { device_ids: [device("Hall", { a: [[t0, 1n]] }), id] } })))
      expect(error).toMatchObject({ _tag: "EntityNotFound", id })
      expect(calls.history).toEqual([])
    })
  )

  live("are read again where ThingsBoard fails on the way, and nobody notices", () =>
    Effect.gen(function* () {
      const { device, faults, use } = yield* emulatedServices()
      const ids = Array.from({ length: 4 }, (_, i) => device(`Meter ${i}`, { a: [[t0, BigInt(i)]] }))
      const expected = yield* use(filesOf({ selection: { device_ids: ids }, format: "jsonl" }))
      faults.inject({ path: `*/${ids[1]}/keys/timeseries`, outcome: { type: "Garbage" } })
      faults.inject({ path: `*/${ids[2]}/values/timeseries/history`, outcome: { type: "Garbage" } })
      const troubled = yield* use(filesOf({ selection: { device_ids: ids }, format: "jsonl" }))
      expect(troubled.text).toBe(expected.text)
      expect(troubled.text.split("\n").length).toBe(5)
    })
  )

  live("that is deleted meanwhile breaks the file off", () =>
    Effect.gen(function* () {
      const { device, faults, use } = yield* emulatedServices()
      const ids = Array.from({ length: 3 }, (_, i) => device(`Meter ${i}`, { a: [[t0, BigInt(i)]] }))
      faults.inject({ path: `*/${ids[2]}/keys/timeseries`, outcome: { type: "Status", status: 404 } })
      const error = yield* use(Effect.flip(filesOf({ selection: { device_ids: ids }, format: "json" })))
      expect(error).toMatchObject({ _tag: "ThingsBoardError", reason: { _tag: "NotFound" } })
    })
  )
})
