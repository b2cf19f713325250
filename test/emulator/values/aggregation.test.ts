import { expect, test } from "bun:test"
import { aggregate, type Aggregation, splitIntoBuckets } from "../../../src/emulator/values/aggregation.ts"
import type { Value } from "../../../src/emulator/values/Value.ts"

const at = (text: string) => Date.parse(text)
const bucket = { start: 1000, end: 4001 }
const of = (aggregation: Aggregation, values: ReadonlyArray<Value>) =>
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

test("a point stands in the middle of its bucket, and an empty bucket has none", () => {
  expect(aggregate(bucket, [{ ts: 1000, value: 1n }], "MAX")?.ts).toBe(2500)
  expect(aggregate(bucket, [], "COUNT")).toBeUndefined()
})

test("integers stay integers until a decimal is among them", () => {
  expect([of("SUM", [1n, 2n]), of("SUM", [1n, 0.5]), of("MIN", [3n, 2n]), of("AVG", [1n, 2n]), of("COUNT", ["a", true])]).toEqual([
    3n,
    1.5,
    2n,
    1.5,
    2n
  ])
})

test("text has an order but no average", () => {
  expect([of("MIN", ["b", "a"]), of("MAX", ["b", "a"]), of("AVG", ["b"])]).toEqual(["a", "b", 0])
})

test("a month is as long as the calendar of the zone says", () => {
  const months = splitIntoBuckets(at("2026-02-15T00:00:00+01:00"), at("2026-05-01T00:00:00+02:00"), 0, "MONTH", "Europe/Berlin")
  expect(months.map(({ end }) => new Date(end).toISOString())).toEqual([
    "2026-02-28T23:00:00.000Z",
    "2026-03-31T22:00:00.000Z",
    "2026-04-30T22:00:00.000Z"
  ])
})

test("weeks begin on Sunday or, by ISO, on Monday", () => {
  const wednesday = at("2026-01-07T12:00:00Z")
  const ends = (["WEEK", "WEEK_ISO", "QUARTER"] as const).map(
    (type) => splitIntoBuckets(wednesday, at("2027-01-01T00:00:00Z"), 0, type, "UTC")[0]!.end
  )
  expect(ends.map((end) => new Date(end).toISOString().slice(0, 10))).toEqual(["2026-01-11", "2026-01-12", "2026-04-01"])
})
