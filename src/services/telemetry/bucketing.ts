/** The buckets that a request asks for, and the calls to ThingsBoard that read them. */
import { Effect } from "effect"
import { type FieldError, InvalidInput } from "../../domain/Errors.ts"
import type { Aggregation } from "../../domain/Telemetry.ts"
import { type BucketBoundaries, dayBoundaries, fixedBoundaries, lengthBoundaries, monthBoundaries, weekBoundaries } from "./boundaries.ts"
import { clockOf, type LocalClock, timeZoneIssue } from "../../domain/localClock.ts"

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

/** Milliseconds for lengths, count and unit for calendar units; undefined if the text is not an interval. */
const parseInterval = (interval: Interval): number | readonly [count: number, unit: string] | undefined => {
  const [, digits, unit] = /^(\d{1,11})(s|m|h|d|w|mo)?$/.exec(String(interval)) ?? []
  if (digits === undefined) return undefined
  const count = Number(digits)
  if (unit === undefined) return count
  if (count < 1 || count > 9999) return undefined
  return unit === "s" || unit === "m" || unit === "h" ? count * unitMillis[unit] : [count, unit]
}

/** The boundaries, or what is wrong with the interval. */
const boundariesOf = (interval: Interval, clock: LocalClock): BucketBoundaries | string => {
  const length = parseInterval(interval)
  if (length === undefined) return "Expected milliseconds or a duration such as 1m, 15m, 1h, 1d, 1w, 1mo"
  if (typeof length === "number") {
    if (length < minLength) return `Expected ${minLength} ms or more`
    // 9999h exceeds the maximum and is harmless; a plain number that does most likely has another unit.
    if (length > maxLength && !String(interval).endsWith("h")) return `Expected at most ${maxLength} ms`
    return clock.isUtc ? fixedBoundaries(length) : lengthBoundaries(clock, length)
  }
  const [count, unit] = length
  if (unit === "mo") return monthBoundaries(clock, count)
  return unit === "w" ? weekBoundaries(clock, count) : dayBoundaries(clock, count)
}

/**
 * The requested buckets; undefined if the request is for the points themselves. `interval` without `agg` means AVG.
 * All buckets begin at times of the zone, which defaults to UTC: hours at local hours, `d` at midnight, `w` on Mondays, `mo` on the first.
 * Intervals that do not divide a day, and those of several days, weeks or months, count from 1970.
 */
export const parseBucketing = ({ agg, interval, timezone }: AggregationOptions): Effect.Effect<Bucketing | undefined, InvalidInput> => {
  const errors: Array<FieldError> = []
  const clock = clockOf(timezone ?? "UTC")
  if (clock === undefined) errors.push({ field: "timezone", issue: timeZoneIssue })
  const isBucketed = agg !== "NONE" && (agg !== undefined || interval !== undefined)
  if (isBucketed && interval === undefined) errors.push({ field: "interval", issue: "Expected an interval with agg" })
  const boundaries = interval === undefined ? undefined : boundariesOf(interval, clock ?? clockOf("UTC")!)
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
