import { describe, expect } from "bun:test"
import { Effect } from "effect"
import {
  type AggregationOptions,
  parseBucketing,
  firstSegment,
  type BucketBoundaries,
  lastSegment,
  type Segment
} from "../../../src/services/telemetry/bucketing.ts"
import { effect } from "../../support/effectTest.ts"

const at = (iso: string) => Date.parse(iso)
const iso = (ts: number) => new Date(ts).toISOString().replace(":00.000Z", "Z")
const gridOf = (asked: AggregationOptions) =>
  Effect.map(parseBucketing(asked), (bucketing) => {
    if (bucketing === undefined) throw new Error("no buckets")
    return bucketing.grid
  })
const startsOf = (grid: BucketBoundaries, from: number, to: number) => {
  const starts: Array<number> = []
  for (let start = grid.floor(from); start < to; start = grid.next(start)) starts.push(start)
  return starts.map(iso)
}
const faultsOf = (asked: AggregationOptions) =>
  Effect.map(Effect.flip(parseBucketing(asked)), ({ errors }) => errors.map(({ field }) => field))

const allRuns = (grid: BucketBoundaries, start: number, end: number, most: number, order: "ASC" | "DESC") => {
  const runs: Array<Segment> = []
  for (let [from, to] = [start, end]; from < to;) {
    const run = order === "ASC" ? firstSegment(grid, from, to, most) : lastSegment(grid, from, to, most)
    runs.push(run)
    if (order === "ASC") from = run.end
    else to = run.start
  }
  return runs
}
const bucketsOf = (runs: ReadonlyArray<Segment>) =>
  runs.flatMap(({ end, start, step }) => Array.from({ length: Math.ceil((end - start) / step) }, (_, i) => start + i * step))

describe("the grid", () => {
  effect("fixed lengths begin at multiples of themselves since the epoch, whatever the zone", () =>
    Effect.gen(function* () {
      const grid = yield* gridOf({ interval: "15m", timezone: "Asia/Kathmandu" })
      expect(startsOf(grid, at("2024-01-01T00:07:00Z"), at("2024-01-01T00:40:00Z"))).toEqual([
        "2024-01-01T00:00Z",
        "2024-01-01T00:15Z",
        "2024-01-01T00:30Z"
      ])
      expect((yield* gridOf({ interval: 7000 })).floor(20_000)).toBe(14_000)
      expect((yield* gridOf({ interval: "7000" })).floor(20_000)).toBe(14_000)
    })
  )

  effect("days follow the clock on the wall when it is changed", () =>
    Effect.gen(function* () {
      const grid = yield* gridOf({ interval: "1d", timezone: "Europe/Berlin" })
      expect(startsOf(grid, at("2024-03-30T12:00Z"), at("2024-04-01T12:00Z"))).toEqual([
        "2024-03-29T23:00Z",
        "2024-03-30T23:00Z",
        "2024-03-31T22:00Z"
      ])
      const autumn = grid.floor(at("2024-10-27T12:00Z"))
      expect((grid.next(autumn) - autumn) / 3_600_000).toBe(25)
    })
  )

  effect("a day without midnight begins at its first instant", () =>
    Effect.gen(function* () {
      const grid = yield* gridOf({ interval: "1d", timezone: "America/Sao_Paulo" })
      const start = grid.floor(at("2018-11-04T12:00Z"))
      expect([iso(start), (grid.next(start) - start) / 3_600_000]).toEqual(["2018-11-04T03:00Z", 23])
    })
  )

  effect("weeks begin on Monday, months on the first, several months with the year", () =>
    Effect.gen(function* () {
      const week = yield* gridOf({ interval: "1w" })
      expect(iso(week.floor(at("2024-02-29T10:00Z")))).toBe("2024-02-26T00:00Z")
      expect(iso(week.floor(at("1969-12-30T10:00Z")))).toBe("1969-12-29T00:00Z")
      const month = yield* gridOf({ interval: "1mo", timezone: "America/New_York" })
      expect(startsOf(month, at("2024-02-15T00:00Z"), at("2024-04-02T00:00Z"))).toEqual([
        "2024-02-01T05:00Z",
        "2024-03-01T05:00Z",
        "2024-04-01T04:00Z"
      ])
      const quarter = yield* gridOf({ interval: "3mo" })
      expect(iso(quarter.floor(at("2024-06-30T23:59Z")))).toBe("2024-04-01T00:00Z")
    })
  )

  effect("reaches to the end of time, where no date follows", () =>
    Effect.gen(function* () {
      const end = 8_640_000_000_000_000
      for (const interval of ["1d", "1w", "1mo", "9999mo", "9999w", "9999h", 1000]) {
        for (const timezone of ["UTC", "America/New_York", "Pacific/Kiritimati"]) {
          const grid = yield* gridOf({ interval, timezone })
          for (const start of [0, end - 1_000_000_000, end - 5]) {
            for (const run of [firstSegment(grid, start, end, 700), lastSegment(grid, start, end, 700)]) {
              expect(run.start >= start && run.start < run.end && run.end <= end && run.step > 0).toBe(true)
            }
          }
        }
      }
    })
  )
})

describe("what is asked for", () => {
  effect("an interval alone is an average; no interval and NONE are the points themselves", () =>
    Effect.gen(function* () {
      expect((yield* parseBucketing({ interval: "1h" }))?.agg).toBe("AVG")
      expect(yield* parseBucketing({})).toBeUndefined()
      expect(yield* parseBucketing({ agg: "NONE" })).toBeUndefined()
      expect(yield* parseBucketing({ agg: "NONE", interval: "1h" })).toBeUndefined()
    })
  )

  effect("every fault is named at once", () =>
    Effect.gen(function* () {
      expect(yield* faultsOf({ agg: "MAX" })).toEqual(["interval"])
      expect(yield* faultsOf({ interval: 999 })).toEqual(["interval"])
      expect(yield* faultsOf({ interval: "99999999999" })).toEqual(["interval"])
      expect(yield* faultsOf({ interval: "0d" })).toEqual(["interval"])
      expect(yield* faultsOf({ agg: "SUM", timezone: "Mars/Olympus" })).toEqual(["timezone", "interval"])
    })
  )
})

describe("runs", () => {
  effect("cover the range once, the same buckets from either end", () =>
    Effect.gen(function* () {
      const grid = yield* gridOf({ interval: "1d", timezone: "Europe/Berlin" })
      const [start, end] = [at("2024-03-28T10:00Z"), at("2024-11-02T15:00Z")]
      const ascending = allRuns(grid, start, end, 30, "ASC")
      const descending = allRuns(grid, start, end, 30, "DESC").toReversed()
      const starts = bucketsOf(ascending)
      expect(starts.length).toBe(220)
      expect(starts[0]).toBe(start)
      expect(starts.slice(1).every((bucket) => grid.floor(bucket) === bucket)).toBe(true)
      expect(bucketsOf(descending)).toEqual(starts)
      for (const runs of [ascending, descending]) {
        expect(runs[0]!.start).toBe(start)
        expect(runs.at(-1)!.end).toBe(end)
        expect(runs.slice(1).every((run, i) => run.start === runs[i]!.end)).toBe(true)
        expect(runs.every((run) => (run.end - run.start) / run.step <= 30)).toBe(true)
      }
    })
  )

  effect("a range within one bucket is one run", () =>
    Effect.gen(function* () {
      const grid = yield* gridOf({ interval: "1mo" })
      const run = { start: 1_700_000_000_000, end: 1_700_000_000_500 }
      for (const made of [firstSegment(grid, run.start, run.end, 700), lastSegment(grid, run.start, run.end, 700)])
        expect(made).toMatchObject(run)
    })
  )
})
