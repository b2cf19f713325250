import { describe, expect } from "bun:test"
import { Effect } from "effect"
import {
  type AggregationOptions,
  parseBucketing,
  firstSegment,
  lastSegment,
  type Segment
} from "../../../src/services/telemetry/bucketing.ts"
import type { BucketBoundaries } from "../../../src/services/telemetry/boundaries.ts"
import { effect } from "../../support/effectTest.ts"

const at = (iso: string) => Date.parse(iso)
const iso = (ts: number) => new Date(ts).toISOString().replace(":00.000Z", "Z")
const boundariesOf = (options: AggregationOptions) =>
  Effect.map(parseBucketing(options), (bucketing) => {
    if (bucketing === undefined) throw new Error("no buckets")
    return bucketing.boundaries
  })
const startsOf = (boundaries: BucketBoundaries, from: number, to: number) => {
  const starts: Array<number> = []
  for (let start = boundaries.floor(from); start < to; start = boundaries.next(start)) starts.push(start)
  return starts.map(iso)
}
const invalidFieldsOf = (options: AggregationOptions) =>
  Effect.map(Effect.flip(parseBucketing(options)), ({ errors }) => errors.map(({ field }) => field))

const allSegments = (boundaries: BucketBoundaries, start: number, end: number, maxCount: number, order: "ASC" | "DESC") => {
  const segments: Array<Segment> = []
  for (let [from, to] = [start, end]; from < to;) {
    const segment = order === "ASC" ? firstSegment(boundaries, from, to, maxCount) : lastSegment(boundaries, from, to, maxCount)
    segments.push(segment)
    if (order === "ASC") from = segment.end
    else to = segment.start
  }
  return segments
}
const bucketsOf = (segments: ReadonlyArray<Segment>) =>
  segments.flatMap(({ end, interval, start }) =>
    Array.from({ length: Math.ceil((end - start) / interval) }, (_, i) => start + i * interval)
  )

describe("bucket boundaries", () => {
  effect("of lengths are multiples of the length since the epoch without a time zone, and since 1970 of the local clocks with one", () =>
    Effect.gen(function* () {
      const boundaries = yield* boundariesOf({ interval: "15m" })
      expect(startsOf(boundaries, at("2024-01-01T00:07:00Z"), at("2024-01-01T00:40:00Z"))).toEqual([
        "2024-01-01T00:00Z",
        "2024-01-01T00:15Z",
        "2024-01-01T00:30Z"
      ])
      expect((yield* boundariesOf({ interval: "7000" })).floor(20_000)).toBe(14_000)
      for (const interval of ["2h", "120m", "7200s", "7200000"])
        expect(iso((yield* boundariesOf({ interval, timezone: "Asia/Kathmandu" })).floor(at("2024-01-01T00:20Z")))).toBe(
          "2024-01-01T00:15Z"
        )
    })
  )

  effect("of days follow daylight saving time", () =>
    Effect.gen(function* () {
      const boundaries = yield* boundariesOf({ interval: "1d", timezone: "Europe/Berlin" })
      expect(startsOf(boundaries, at("2024-03-30T12:00Z"), at("2024-04-01T12:00Z"))).toEqual([
        "2024-03-29T23:00Z",
        "2024-03-30T23:00Z",
        "2024-03-31T22:00Z"
      ])
      const autumn = boundaries.floor(at("2024-10-27T12:00Z"))
      expect((boundaries.next(autumn) - autumn) / 3_600_000).toBe(25)
    })
  )

  effect("of a day without midnight are its first instants", () =>
    Effect.gen(function* () {
      const boundaries = yield* boundariesOf({ interval: "1d", timezone: "America/Sao_Paulo" })
      const start = boundaries.floor(at("2018-11-04T12:00Z"))
      expect([iso(start), (boundaries.next(start) - start) / 3_600_000]).toEqual(["2018-11-04T03:00Z", 23])
    })
  )

  effect("of weeks are Mondays, of months the first, of several months counted from January", () =>
    Effect.gen(function* () {
      const week = yield* boundariesOf({ interval: "1w" })
      expect(iso(week.floor(at("2024-02-29T10:00Z")))).toBe("2024-02-26T00:00Z")
      expect(iso(week.floor(at("1969-12-30T10:00Z")))).toBe("1969-12-29T00:00Z")
      const month = yield* boundariesOf({ interval: "1mo", timezone: "America/New_York" })
      expect(startsOf(month, at("2024-02-15T00:00Z"), at("2024-04-02T00:00Z"))).toEqual([
        "2024-02-01T05:00Z",
        "2024-03-01T05:00Z",
        "2024-04-01T04:00Z"
      ])
      const quarter = yield* boundariesOf({ interval: "3mo" })
      expect(iso(quarter.floor(at("2024-06-30T23:59Z")))).toBe("2024-04-01T00:00Z")
    })
  )

  effect("reach the largest time in JavaScript", () =>
    Effect.gen(function* () {
      const end = 8_640_000_000_000_000
      for (const interval of ["1d", "1w", "1mo", "9999mo", "9999w", "9999h", "1000"]) {
        for (const timezone of ["UTC", "America/New_York", "Pacific/Kiritimati"]) {
          const boundaries = yield* boundariesOf({ interval, timezone })
          for (const start of [0, end - 1_000_000_000, end - 5]) {
            for (const segment of [firstSegment(boundaries, start, end, 700), lastSegment(boundaries, start, end, 700)]) {
              expect(segment.start >= start && segment.start < segment.end && segment.end <= end && segment.interval > 0).toBe(true)
            }
          }
        }
      }
    })
  )
})

describe("a request for aggregates", () => {
  effect("means AVG with an interval alone, and the points themselves without an interval or with NONE", () =>
    Effect.gen(function* () {
      expect((yield* parseBucketing({ interval: "1h" }))?.agg).toBe("AVG")
      expect(yield* parseBucketing({})).toBeUndefined()
      expect(yield* parseBucketing({ agg: "NONE" })).toBeUndefined()
      expect(yield* parseBucketing({ agg: "NONE", interval: "1h" })).toBeUndefined()
    })
  )

  effect("reports all invalid fields together", () =>
    Effect.gen(function* () {
      expect(yield* invalidFieldsOf({ agg: "MAX" })).toEqual(["interval"])
      expect(yield* invalidFieldsOf({ interval: "999" })).toEqual(["interval"])
      expect(yield* invalidFieldsOf({ interval: "99999999999" })).toEqual(["interval"])
      expect(yield* invalidFieldsOf({ interval: "0d" })).toEqual(["interval"])
      expect(yield* invalidFieldsOf({ agg: "SUM", timezone: "Mars/Olympus" })).toEqual(["timezone", "interval"])
    })
  )
})

describe("segments", () => {
  effect("cover the range once, with the same buckets from either end", () =>
    Effect.gen(function* () {
      const boundaries = yield* boundariesOf({ interval: "1d", timezone: "Europe/Berlin" })
      const [start, end] = [at("2024-03-28T10:00Z"), at("2024-11-02T15:00Z")]
      const ascending = allSegments(boundaries, start, end, 30, "ASC")
      const descending = allSegments(boundaries, start, end, 30, "DESC").toReversed()
      const starts = bucketsOf(ascending)
      expect(starts.length).toBe(220)
      expect(starts[0]).toBe(start)
      expect(starts.slice(1).every((bucket) => boundaries.floor(bucket) === bucket)).toBe(true)
      expect(bucketsOf(descending)).toEqual(starts)
      for (const segments of [ascending, descending]) {
        expect(segments[0]!.start).toBe(start)
        expect(segments.at(-1)!.end).toBe(end)
        expect(segments.slice(1).every((segment, i) => segment.start === segments[i]!.end)).toBe(true)
        expect(segments.every((segment) => (segment.end - segment.start) / segment.interval <= 30)).toBe(true)
      }
    })
  )

  effect("are one for a range within one bucket", () =>
    Effect.gen(function* () {
      const boundaries = yield* boundariesOf({ interval: "1mo" })
      const segment = { start: 1_700_000_000_000, end: 1_700_000_000_500 }
      for (const made of [
        firstSegment(boundaries, segment.start, segment.end, 700),
        lastSegment(boundaries, segment.start, segment.end, 700)
      ])
        expect(made).toMatchObject(segment)
    })
  )
})
