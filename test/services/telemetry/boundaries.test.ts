/** Buckets by local time, compared with a slow reference that looks at the clocks minute by minute. */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { type BucketBoundaries, dayBoundaries, lengthBoundaries } from "../../../src/services/telemetry/boundaries.ts"
import { clockOf } from "../../../src/domain/localClock.ts"

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const localTimeOf = (zone: string) => (ts: number) =>
  ts + Temporal.Instant.fromEpochMilliseconds(ts).toZonedDateTimeISO(zone).offsetNanoseconds / 1_000_000

/** The starts of all buckets in [from, to). The clocks are read every minute, from two days and two buckets before. */
const slowStarts = (zone: string, length: number, from: number, to: number): ReadonlyArray<number> => {
  const localTime = localTimeOf(zone)
  const starts: Array<number> = []
  let previous = localTime(from - 2 * day - 2 * length)
  let latest = previous
  for (let ts = from - 2 * day - 2 * length + minute; ts < to; ts += minute) {
    const local = localTime(ts)
    const change = local - previous - minute
    const ended = (length <= hour ? previous : latest) + minute - 1
    const isReached = Math.floor(local / length) > Math.floor(ended / length)
    const isShown = local % length === 0
    // A short bucket begins again where the clocks go back, and does not notice a change by a multiple of its length.
    const begins = length > hour ? isReached : isShown || (change > 0 && change % length !== 0 && isReached)
    if (begins && ts >= from) starts.push(ts)
    previous = local
    latest = Math.max(latest, local)
  }
  return starts
}

const startsOf = ({ floor, next }: BucketBoundaries, from: number, to: number) => {
  const starts: Array<number> = []
  for (let start = floor(from); start < to; start = next(start)) if (start >= from) starts.push(start)
  return starts
}

const localTimes = (zone: string, starts: ReadonlyArray<number>) =>
  starts.map((ts) => Temporal.Instant.fromEpochMilliseconds(ts).toZonedDateTimeISO(zone).toPlainDateTime().toString().slice(5, 16))

const expectSame = (zone: string, length: number, from: number, to: number) => {
  const boundaries = lengthBoundaries(clockOf(zone)!, length)
  const expected = slowStarts(zone, length, from, to)
  expect([zone, length, ...startsOf(boundaries, from, to)]).toEqual([zone, length, ...expected])
  for (const [i, start] of expected.slice(0, -1).entries()) {
    const end = expected[i + 1]!
    for (const ts of [start, start + 1, Math.floor((start + end) / 2), end - 1])
      expect([zone, ts, boundaries.floor(ts)]).toEqual([zone, ts, start])
  }
}

describe("buckets of hours", () => {
  test("begin at local hours, in zones with 30 or 45 minutes too", () => {
    const from = Date.parse("2024-06-01T00:00Z")
    for (const [zone, time] of [
      ["Asia/Kathmandu", "06-01T06:00"],
      ["Asia/Kolkata", "06-01T06:00"],
      ["Australia/Eucla", "06-01T12:00"],
      ["Pacific/Chatham", "06-01T18:00"]
    ] as const)
      expect([zone, localTimes(zone, startsOf(lengthBoundaries(clockOf(zone)!, 6 * hour), from, from + 6 * hour))]).toEqual([zone, [time]])
    expect(lengthBoundaries(clockOf("Asia/Kathmandu")!, hour).floor(from)).toBe(from - 45 * minute)
    expect(lengthBoundaries(clockOf("Asia/Kathmandu")!, 30 * minute).floor(from)).toBe(from - 15 * minute)
    expect(lengthBoundaries(clockOf("Asia/Kathmandu")!, 15 * minute).floor(from)).toBe(from)
  })

  test("are longer or shorter if the clocks change meanwhile", () => {
    const lengths = (from: string, length: number) => {
      const start = Date.parse(from)
      const starts = startsOf(lengthBoundaries(clockOf("Europe/Berlin")!, length), start, start + 26 * hour)
      expect(localTimes("Europe/Berlin", starts).every((text) => Number(text.slice(6, 8)) % (length / hour) === 0)).toBe(true)
      return starts.slice(1).map((ts, i) => (ts - starts[i]!) / hour)
    }
    expect(lengths("2024-10-26T22:00Z", 6 * hour)).toEqual([7, 6, 6, 6])
    expect(lengths("2024-10-26T22:00Z", 12 * hour)).toEqual([13, 12])
    expect(lengths("2024-03-30T23:00Z", 6 * hour)).toEqual([5, 6, 6, 6])
    // The hour that occurs twice is two buckets.
    expect(lengths("2024-10-26T22:00Z", hour)).toEqual(Array.from({ length: 25 }, () => 1))
  })

  test("of 24 hours are days", () => {
    for (const zone of ["Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "America/St_Johns"]) {
      const clock = clockOf(zone)!
      for (const at of ["1988-10-30T02:00Z", "2011-11-06T02:00Z", "2011-12-30T00:00Z", "2018-11-04T00:00Z", "2024-10-27T00:00Z"]) {
        const from = Date.parse(at) - 3 * day
        const days = startsOf(dayBoundaries(clock, 1), from, from + 6 * day)
        expect([zone, at, ...startsOf(lengthBoundaries(clock, day), from, from + 6 * day)]).toEqual([zone, at, ...days])
        for (const start of days) expect(dayBoundaries(clock, 1).floor(dayBoundaries(clock, 1).next(start) - 1)).toBe(start)
      }
    }
  })
})

const zones = Intl.supportedValuesOf("timeZone")
const unusualZones = [
  "America/Sao_Paulo", // midnight is skipped
  "America/St_Johns", // goes back to the day before, at 00:01
  "Antarctica/Troll", // changes by two hours
  "Asia/Kathmandu", // a change by 15 minutes
  "Australia/Lord_Howe", // changes by 30 minutes
  "Pacific/Apia", // a day is skipped
  "Pacific/Chatham"
]
const lengths = [1, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 360, 720, 1000, 1440, 2880].map((minutes) => minutes * minute)

test("all boundaries around changes of the clocks are those of the reference", () => {
  const changes = fc
    .record({
      zone: fc.oneof(fc.constantFrom(...zones), fc.constantFrom(...unusualZones)),
      length: fc.constantFrom(...lengths),
      // Until 1972 the offset of Monrovia had seconds.
      after: fc.integer({ min: Date.parse("1973-01-01"), max: Date.parse("2036-01-01") })
    })
    .map(({ after, length, zone }) => {
      const change = Temporal.Instant.fromEpochMilliseconds(after).toZonedDateTimeISO(zone).getTimeZoneTransition("next")
      return { zone, length, around: Math.floor((change?.epochMilliseconds ?? after) / hour) * hour }
    })
  fc.assert(
    fc.property(changes, ({ around, length, zone }) => {
      const margin = Math.min(2 * length + hour, day) + length
      expectSame(zone, length, around - margin, around + margin)
    }),
    { numRuns: 150 }
  )
})

test("the clocks that change unusually", () => {
  for (const zone of unusualZones) {
    for (const at of [
      "1988-04-03T03:31Z",
      "1988-10-30T02:31Z",
      "2011-11-06T02:31Z",
      "2011-12-30T10:00Z",
      "2018-11-04T03:00Z",
      "2024-03-31T01:00Z",
      "2024-04-06T15:00Z",
      "2024-10-27T01:00Z"
    ]) {
      const around = Math.floor(Date.parse(at) / hour) * hour
      for (const length of [30 * minute, hour, 2 * hour, 6 * hour]) expectSame(zone, length, around - day, around + day)
    }
  }
})
