import { expect, test } from "bun:test"
import { aggregate, type Aggregation, splitIntoBuckets } from "../../../src/emulator/values/aggregation.ts"
import type { Value } from "../../../src/emulator/values/Value.ts"

const parseTime = (text: string) => Date.parse(text)
const bucket = { start: 1000, end: 4001 }
const aggregateValues = (aggregation: Aggregation, values: ReadonlyArray<Value>) =>
  aggregate(
    bucket,
    values.map((value, index) => ({ ts: 1000 + index, value })),
    aggregation
  )?.value

test("buckets begin at the start of the range, and the last is cut at its end", () => {
  expect(splitIntoBuckets(100, 350, 100, "MILLISECONDS", "UTC")).toEqual([
    { start: 100, end: 200 },
    { start: 200, end: 300 },
    { start: 300, end: 350 }
  ])
})

test("a point is at the middle of its bucket, and an empty bucket has none", () => {
  expect(aggregate(bucket, [{ ts: 1000, value: 1n }], "MAX")?.ts).toBe(2500)
  expect(aggregate(bucket, [], "COUNT")).toBeUndefined()
})

test("aggregates of integers are integers, unless there are decimals among them", () => {
  expect([
    aggregateValues("SUM", [1n, 2n]),
    aggregateValues("SUM", [1n, 0.5]),
    aggregateValues("MIN", [3n, 2n]),
    aggregateValues("AVG", [1n, 2n]),
    aggregateValues("COUNT", ["a", true])
  ]).toEqual([3n, 1.5, 2n, 1.5, 2n])
})

test("text has a minimum and a maximum but no average", () => {
  expect([aggregateValues("MIN", ["b", "a"]), aggregateValues("MAX", ["b", "a"]), aggregateValues("AVG", ["b"])]).toEqual(["a", "b", 0])
})

test("a month ends where the calendar of the time zone says", () => {
  const months = splitIntoBuckets(
    parseTime("2026-02-15T00:00:00+01:00"),
    parseTime("2026-05-01T00:00:00+02:00"),
    0,
    "MONTH",
    "Europe/Berlin"
  )
  expect(months.map(({ end }) => new Date(end).toISOString())).toEqual([
    "2026-02-28T23:00:00.000Z",
    "2026-03-31T22:00:00.000Z",
    "2026-04-30T22:00:00.000Z"
  ])
})

test("weeks begin on Sunday, ISO weeks on Monday", () => {
  const wednesday = parseTime("2026-01-07T12:00:00Z")
  const ends = (["WEEK", "WEEK_ISO", "QUARTER"] as const).map(
    (type) => splitIntoBuckets(wednesday, parseTime("2027-01-01T00:00:00Z"), 0, type, "UTC")[0]!.end
  )
  expect(ends.map((end) => new Date(end).toISOString().slice(0, 10))).toEqual(["2026-01-11", "2026-01-12", "2026-04-01"])
})
