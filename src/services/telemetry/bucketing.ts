/**
 * The boundaries of aggregation buckets: multiples of the length since the epoch for fixed lengths, the calendar of a time zone for days,
 * weeks and months.
 */
import { DateTime, Effect, Option } from "effect"
import { type FieldError, InvalidInput } from "../../domain/Errors.ts"
import type { Aggregation } from "../../domain/Telemetry.ts"

/** All times are epoch ms. */
export interface BucketBoundaries {
  /** The start of the bucket that contains `ts`. */
  readonly floor: (ts: number) => number
  /** The start of the bucket after the one that begins at `start`. */
  readonly next: (start: number) => number
}

export interface Bucketing {
  readonly agg: Exclude<Aggregation, "NONE">
  readonly boundaries: BucketBoundaries
}

/** As in requests: milliseconds as digits, or a length such as `15m`, `1d`, `1mo`. */
export type Interval = string

/** The parameters of a request for aggregates. */
export interface AggregationOptions {
  readonly agg?: Aggregation | undefined
  readonly interval?: Interval | undefined
  readonly timezone?: string | undefined
}

const unitMillis = { s: 1000, m: 60_000, h: 3_600_000 } as const
const day = 86_400_000
const minLength = 1000
/** 366 days. */
const maxLength = 366 * day

const fixedBoundaries = (length: number): BucketBoundaries => ({
  floor: (ts) => ts - (((ts % length) + length) % length),
  next: (start) => start + length
})

/** Numbers the days since 1970-01-01, or the months since 1970-01, of a time zone. */
interface Calendar {
  readonly indexOf: (ts: number) => number
  /** The first instant of a day or month. */
  readonly start: (index: number) => number
}

/** The largest time in JavaScript, and the last one that has a date in every zone. */
const maxTime = 8_640_000_000_000_000
const maxZonedTime = maxTime - 2 * day

/** A day begins at the first instant of its date, which is not 00:00 where the clocks skip midnight. */
const firstInstant = (timeZone: DateTime.TimeZone, year: number, month: number, date: number) => {
  if (!(Date.UTC(year, month - 1, date) <= maxZonedTime)) return maxTime
  const first = DateTime.toEpochMillis(DateTime.makeZonedUnsafe({ year, month, day: date }, { timeZone, adjustForTimeZone: true }))
  return first <= maxZonedTime ? first : maxTime
}

const dateOf = (timeZone: DateTime.TimeZone, ts: number) =>
  DateTime.toParts(DateTime.makeZonedUnsafe(Math.min(ts, maxZonedTime), { timeZone }))

const dayCalendar = (zone: DateTime.TimeZone): Calendar => ({
  indexOf: (ts) => {
    const { day: date, month, year } = dateOf(zone, ts)
    return Date.UTC(year, month - 1, date) / day
  },
  start: (index) => {
    const date = new Date(index * day)
    return firstInstant(zone, date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate())
  }
})

const monthCalendar = (zone: DateTime.TimeZone): Calendar => ({
  indexOf: (ts) => {
    const { month, year } = dateOf(zone, ts)
    return (year - 1970) * 12 + month - 1
  },
  start: (index) => firstInstant(zone, 1970 + Math.floor(index / 12), (((index % 12) + 12) % 12) + 1, 1)
})

/** Buckets of `count` days or months, counted from the day or month with the index `first`. */
const calendarBoundaries = (calendar: Calendar, count: number, first = 0): BucketBoundaries => {
  const floorIndex = (ts: number) => Math.floor((calendar.indexOf(ts) - first) / count) * count + first
  return {
    floor: (ts) => calendar.start(floorIndex(ts)),
    next: (start) => calendar.start(floorIndex(start) + count)
  }
}

/** 1970-01-05 was a Monday. */
const firstMonday = 4

/** Milliseconds for fixed lengths, count and unit for calendar units; undefined if the text is not an interval. */
const parseInterval = (interval: Interval): number | readonly [count: number, unit: string] | undefined => {
  const [, digits, unit] = /^(\d{1,11})(s|m|h|d|w|mo)?$/.exec(String(interval)) ?? []
  if (digits === undefined) return undefined
  const count = Number(digits)
  if (unit === undefined) return count
  if (count < 1 || count > 9999) return undefined
  return unit === "s" || unit === "m" || unit === "h" ? count * unitMillis[unit] : [count, unit]
}

/** The boundaries, or what is wrong with the interval. */
const boundariesOf = (interval: Interval, zone: DateTime.TimeZone): BucketBoundaries | string => {
  const length = parseInterval(interval)
  if (length === undefined) return "Expected milliseconds or a duration such as 1m, 15m, 1h, 1d, 1w, 1mo"
  if (typeof length === "number") {
    if (length < minLength) return `Expected ${minLength} ms or more`
    // 9999h exceeds the maximum and is harmless; a plain number that does most likely has another unit.
    return length > maxLength && !String(interval).endsWith("h") ? `Expected at most ${maxLength} ms` : fixedBoundaries(length)
  }
  const [count, unit] = length
  if (unit === "mo") return calendarBoundaries(monthCalendar(zone), count)
  return unit === "w" ? calendarBoundaries(dayCalendar(zone), 7 * count, firstMonday) : calendarBoundaries(dayCalendar(zone), count)
}

/**
 * The requested buckets; undefined if the request is for the points themselves. `interval` without `agg` means AVG.
 * Milliseconds, `s`, `m` and `h` are fixed lengths that begin at multiples of themselves since the epoch, in every zone. `d`, `w` (from
 * Monday) and `mo` follow the calendar of the zone, which defaults to UTC; intervals of several days, weeks or months count from 1970.
 */
export const parseBucketing = ({ agg, interval, timezone }: AggregationOptions): Effect.Effect<Bucketing | undefined, InvalidInput> => {
  const errors: Array<FieldError> = []
  const zone = DateTime.zoneMakeNamed(timezone ?? "UTC")
  if (Option.isNone(zone)) errors.push({ field: "timezone", issue: "Expected an IANA time zone such as Europe/Berlin" })
  const isBucketed = agg !== "NONE" && (agg !== undefined || interval !== undefined)
  if (isBucketed && interval === undefined) errors.push({ field: "interval", issue: "Expected an interval with agg" })
  const boundaries =
    interval === undefined
      ? undefined
      : boundariesOf(
          interval,
          Option.getOrElse(zone, () => DateTime.zoneMakeNamedUnsafe("UTC"))
        )
  if (typeof boundaries === "string") errors.push({ field: "interval", issue: boundaries })
  if (errors.length > 0) return Effect.fail(new InvalidInput({ errors }))
  return Effect.succeed(isBucketed && typeof boundaries === "object" ? { agg: agg ?? "AVG", boundaries } : undefined)
}

/** Adjacent buckets of one length, `interval`, from `start`; the last one is cut off at `end`. Read by one call to ThingsBoard. */
export interface Segment {
  readonly start: number
  readonly end: number
  readonly interval: number
}

/** The first segment of a range, of at most `maxCount` buckets. A first bucket that the range cuts off is a segment of its own. */
export const firstSegment = ({ floor, next }: BucketBoundaries, start: number, end: number, maxCount: number): Segment => {
  const first = floor(start)
  let to = next(first)
  const interval = to - start
  if (first < start) return { start, end: Math.min(to, end), interval }
  for (let count = 1; count < maxCount && to < end; count++) {
    const after = next(to)
    if (after - to !== interval) break
    to = after
  }
  return { start, end: Math.min(to, end), interval }
}

/** The last segment of a range, of at most `maxCount` buckets. */
export const lastSegment = ({ floor, next }: BucketBoundaries, start: number, end: number, maxCount: number): Segment => {
  let from = floor(end - 1)
  const interval = next(from) - from
  if (from < start) return { start, end, interval: next(from) - start }
  for (let count = 1; count < maxCount && from > start; count++) {
    const before = floor(from - 1)
    if (before < start || from - before !== interval) break
    from = before
  }
  return { start: from, end, interval }
}
