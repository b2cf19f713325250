import { describe, expect } from "bun:test"
import { Effect, Stream } from "effect"
import type { Order } from "../../../src/domain/Telemetry.ts"
import { Aggregates } from "../../../src/services/telemetry/Aggregates.ts"
import { type AggregationOptions, parseBucketing } from "../../../src/services/telemetry/bucketing.ts"
import { live } from "../../support/effectTest.ts"
import { emulatedServices } from "../../support/emulatedServices.ts"

const at = (iso: string) => Date.parse(iso)
const hour = 3_600_000

interface ReadOptions extends AggregationOptions {
  readonly start: number
  readonly end: number
  readonly order?: Order
}

const read = (deviceId: string, { end, order = "ASC", start, ...options }: ReadOptions) =>
  Effect.gen(function* () {
    const aggregates = yield* Aggregates
    const bucketing = yield* parseBucketing(options)
    if (bucketing === undefined) throw new Error("expected a request for aggregates")
    const chunks = yield* Stream.runCollect(aggregates.chunks({ ...bucketing, deviceId, key: "a", range: { start, end }, order }))
    return [...chunks].flat().map(({ ts, value }) => [new Date(ts).toISOString().replace(":00.000Z", "Z"), value])
  })

const hourly = (from: string, to: string) =>
  Array.from({ length: (at(to) - at(from)) / hour }, (_, i) => [at(from) + i * hour, BigInt(i)] as const)

describe("buckets", () => {
  live("have the time of their start, without empty ones, and are cut off at the range", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const id = device("Meter", {
        a: [
          [at("2024-01-01T00:10Z"), 1n],
          [at("2024-01-01T00:40Z"), 2n],
          [at("2024-01-01T02:59Z"), 5n],
          [at("2024-01-01T03:00Z"), 9n]
        ]
      })
      const options = { agg: "SUM", interval: "1h", start: at("2024-01-01T00:30Z"), end: at("2024-01-01T03:00Z") } as const
      const expected = [
        ["2024-01-01T00:30Z", "2"],
        ["2024-01-01T02:00Z", "5"]
      ]
      expect(yield* use(read(id, options))).toEqual(expected)
      expect(yield* use(read(id, { ...options, order: "DESC" }))).toEqual(expected.toReversed())
    })
  )

  live("of days with 23 and 25 hours contain exactly their own points", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const id = device("Meter", {
        a: [...hourly("2024-03-29T00:00Z", "2024-04-02T00:00Z"), ...hourly("2024-10-26T00:00Z", "2024-10-29T00:00Z")]
      })
      const days = { agg: "COUNT", interval: "1d", timezone: "Europe/Berlin" } as const
      expect(yield* use(read(id, { ...days, start: at("2024-03-29T23:00Z"), end: at("2024-04-01T22:00Z") }))).toEqual([
        ["2024-03-29T23:00Z", "24"],
        ["2024-03-30T23:00Z", "23"],
        ["2024-03-31T22:00Z", "24"]
      ])
      expect(yield* use(read(id, { ...days, start: at("2024-10-26T22:00Z"), end: at("2024-10-28T00:00Z") }))).toEqual([
        ["2024-10-26T22:00Z", "25"],
        ["2024-10-27T23:00Z", "1"]
      ])
    })
  )

  live("of days follow daylight saving time in America, too", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const id = device("Meter", {
        a: [...hourly("2024-03-09T00:00Z", "2024-03-13T00:00Z"), ...hourly("2024-11-02T00:00Z", "2024-11-06T00:00Z")]
      })
      const days = { agg: "COUNT", interval: "1d", timezone: "America/New_York" } as const
      expect(yield* use(read(id, { ...days, start: at("2024-03-09T05:00Z"), end: at("2024-03-12T04:00Z") }))).toEqual([
        ["2024-03-09T05:00Z", "24"],
        ["2024-03-10T05:00Z", "23"],
        ["2024-03-11T04:00Z", "24"]
      ])
      expect(yield* use(read(id, { ...days, start: at("2024-11-02T04:00Z"), end: at("2024-11-05T05:00Z") }))).toEqual([
        ["2024-11-02T04:00Z", "24"],
        ["2024-11-03T04:00Z", "25"],
        ["2024-11-04T05:00Z", "24"]
      ])
    })
  )

  live("of months and weeks follow the calendar", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const id = device("Meter", { a: hourly("2024-01-01T00:00Z", "2024-04-01T00:00Z") })
      const range = { start: at("2024-01-01T00:00Z"), end: at("2024-04-01T00:00Z") }
      expect((yield* use(read(id, { ...range, agg: "COUNT", interval: "1mo" }))).map(([, count]) => Number(count) / 24)).toEqual([
        31, 29, 31
      ])
      const weeks = yield* use(read(id, { ...range, agg: "MIN", interval: "1w" }))
      expect([weeks.length, weeks[0], weeks[1]]).toEqual([13, ["2024-01-01T00:00Z", "0"], ["2024-01-08T00:00Z", "168"]])
    })
  )

  live("are read in several calls if there are more than ThingsBoard allows per call", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const start = at("2024-01-01T00:00Z")
      const id = device("Meter", { a: Array.from({ length: 2000 }, (_, i) => [start + i * 60_000 + 30_000, BigInt(i)] as const) })
      const options = { agg: "MAX", interval: "1m", start, end: start + 2000 * 60_000 } as const
      const ascending = yield* use(read(id, options))
      expect(ascending.map(([, value]) => Number(value))).toEqual(Array.from({ length: 2000 }, (_, i) => i))
      expect(calls.history.length).toBe(3)
      expect((yield* use(read(id, { ...options, order: "DESC" }))).toReversed()).toEqual(ascending)
    })
  )

  live("of a long range with few points take few calls", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const id = device("Meter", {
        a: [
          [at("1999-12-31T23:59Z"), 1n],
          [at("2024-06-01T00:00Z"), 2n]
        ]
      })
      for (const order of ["ASC", "DESC"] as const) {
        calls.history.length = 0
        const buckets = yield* use(read(id, { agg: "SUM", interval: "1000", start: 0, end: at("2100-01-01T00:00Z"), order }))
        expect(buckets.length).toBe(2)
        expect(calls.history.length).toBeLessThan(12)
      }
    })
  )
})
