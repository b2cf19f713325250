/** Where buckets begin: on the epoch's grid for fixed lengths, on a time zone's calendar for days, weeks and months. */
import { DateTime, Effect, Option } from "effect"
import { type FieldError, InvalidInput } from "../../domain/Errors.ts"
import type { Aggregation } from "../../domain/Telemetry.ts"

/** Epoch ms throughout. */
export interface BucketBoundaries {
  /** Start of the bucket that holds a time. */
  readonly floor: (ts: number) => number
  /** Start of the bucket behind the one that begins at `start`. */
  readonly next: (start: number) => number
}

export interface Bucketing {
  readonly agg: Exclude<Aggregation, "NONE">
  readonly grid: BucketBoundaries
}

/** As requests name it: ms as a number or as digits, or a length such as `15m`, `1d`, `1mo`. */
export type Interval = number | string

export interface AggregationOptions {
  readonly agg?: Aggregation | undefined
  readonly interval?: Interval | undefined
  readonly timezone?: string | undefined
}

const msOf = { s: 1000, m: 60_000, h: 3_600_000 } as const
const day = 86_400_000
const minLength = 1000
/** 366 days. */
const maxLength = 366 * day

const fixed = (length: number): BucketBoundaries => ({
  floor: (ts) => ts - (((ts % length) + length) % length),
  next: (start) => start + length
})

/** Days since 1970-01-01, or months since 1970-01, of the calendar; `start` is the first instant of such a one. */
interface Calendar {
  readonly indexOf: (ts: number) => number
  readonly start: (index: number) => number
}

/** The end of all time, as JavaScript has it, and the last moment whose date is certain in every zone. */
const endOfTime = 8_640_000_000_000_000
const lastMoment = endOfTime - 2 * day

/** A day begins at the first instant of its date: where clocks jump over midnight that is not 00:00. */
const firstInstant = (timeZone: DateTime.TimeZone, year: number, month: number, date: number) => {
  if (!(Date.UTC(year, month - 1, date) <= lastMoment)) return endOfTime
  const first = DateTime.toEpochMillis(DateTime.makeZonedUnsafe({ year, month, day: date }, { timeZone, adjustForTimeZone: true }))
  return first <= lastMoment ? first : endOfTime
}

const dateOf = (timeZone: DateTime.TimeZone, ts: number) =>
  DateTime.toParts(DateTime.makeZonedUnsafe(Math.min(ts, lastMoment), { timeZone }))

const days = (zone: DateTime.TimeZone): Calendar => ({
  indexOf: (ts) => {
    const { day: date, month, year } = dateOf(zone, ts)
    return Date.UTC(year, month - 1, date) / day
  },
  start: (index) => {
    const date = new Date(index * day)
    return firstInstant(zone, date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate())
  }
})

const months = (zone: DateTime.TimeZone): Calendar => ({
  indexOf: (ts) => {
    const { month, year } = dateOf(zone, ts)
    return (year - 1970) * 12 + month - 1
  },
  start: (index) => firstInstant(zone, 1970 + Math.floor(index / 12), (((index % 12) + 12) % 12) + 1, 1)
})

/** Spans of `count` days or months, counted from the one with the index `first`. */
const spans = (calendar: Calendar, count: number, first = 0): BucketBoundaries => {
  const floorIndex = (ts: number) => Math.floor((calendar.indexOf(ts) - first) / count) * count + first
  return {
    floor: (ts) => calendar.start(floorIndex(ts)),
    next: (start) => calendar.start(floorIndex(start) + count)
  }
}

/** 1970-01-05 was a Monday. */
const firstMonday = 4

const lengthOf = (interval: Interval): number | readonly [count: number, unit: string] | undefined => {
  const [, digits, unit] = /^(\d{1,11})(s|m|h|d|w|mo)?$/.exec(String(interval)) ?? []
  if (digits === undefined) return undefined
  const count = Number(digits)
  if (unit === undefined) return count
  if (count < 1 || count > 9999) return undefined
  return unit === "s" || unit === "m" || unit === "h" ? count * msOf[unit] : [count, unit]
}

const gridOf = (interval: Interval, zone: DateTime.TimeZone): BucketBoundaries | string => {
  const length = lengthOf(interval)
  if (length === undefined) return "Expected milliseconds or a duration such as 1m, 15m, 1h, 1d, 1w, 1mo"
  if (typeof length === "number") {
    if (length < minLength) return `Expected ${minLength} ms or more`
    // 9999h is beyond it and means no harm; plain numbers that are have most likely another unit.
    return length > maxLength && !String(interval).endsWith("h") ? `Expected at most ${maxLength} ms` : fixed(length)
  }
  const [count, unit] = length
  if (unit === "mo") return spans(months(zone), count)
  return unit === "w" ? spans(days(zone), 7 * count, firstMonday) : spans(days(zone), count)
}

/**
 * Buckets as a request asks for them, undefined when it asks for the points themselves. `interval` alone means AVG.
 * Milliseconds, `s`, `m` and `h` are fixed lengths that begin at multiples of themselves since the epoch, whatever the zone. `d`, `w`
 * (from Monday) and `mo` follow the calendar of the zone, UTC when none is named; several of them are counted from 1970.
 */
export const parseBucketing = ({ agg, interval, timezone }: AggregationOptions): Effect.Effect<Bucketing | undefined, InvalidInput> => {
  const faults: Array<FieldError> = []
  const zone = DateTime.zoneMakeNamed(timezone ?? "UTC")
  if (Option.isNone(zone)) faults.push({ field: "timezone", issue: "Expected an IANA time zone such as Europe/Berlin" })
  const bucketed = agg !== "NONE" && (agg !== undefined || interval !== undefined)
  if (bucketed && interval === undefined) faults.push({ field: "interval", issue: "Expected an interval beside agg" })
  const grid =
    interval === undefined
      ? undefined
      : gridOf(
          interval,
          Option.getOrElse(zone, () => DateTime.zoneMakeNamedUnsafe("UTC"))
        )
  if (typeof grid === "string") faults.push({ field: "interval", issue: grid })
  if (faults.length > 0) return Effect.fail(new InvalidInput({ errors: faults }))
  return Effect.succeed(bucketed && typeof grid === "object" ? { agg: agg ?? "AVG", grid } : undefined)
}

/** Buckets of one length, `step`, side by side from `start` on; the last one is cut at `end`. One call to ThingsBoard. */
export interface Segment {
  readonly start: number
  readonly end: number
  readonly step: number
}

/** The first run of at most `most` buckets of a range. A first bucket that the range cuts is a run of its own. */
export const firstSegment = ({ floor, next }: BucketBoundaries, start: number, end: number, most: number): Segment => {
  const first = floor(start)
  let to = next(first)
  const step = to - start
  if (first < start) return { start, end: Math.min(to, end), step }
  for (let count = 1; count < most && to < end; count++) {
    const after = next(to)
    if (after - to !== step) break
    to = after
  }
  return { start, end: Math.min(to, end), step }
}

/** The last run of at most `most` buckets of a range. */
export const lastSegment = ({ floor, next }: BucketBoundaries, start: number, end: number, most: number): Segment => {
  let from = floor(end - 1)
  const step = next(from) - from
  if (from < start) return { start, end, step: next(from) - start }
  for (let count = 1; count < most && from > start; count++) {
    const before = floor(from - 1)
    if (before < start || from - before !== step) break
    from = before
  }
  return { start: from, end, step }
}
