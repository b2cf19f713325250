/** Splits a time range into buckets and aggregates the points of each (recorded in `telemetry-read.json`). */
import { JsonValue, type Point, type Value } from "./Value.ts"

export type Aggregation = "MIN" | "MAX" | "AVG" | "SUM" | "COUNT"
export type IntervalType = "MILLISECONDS" | "WEEK" | "WEEK_ISO" | "MONTH" | "QUARTER"

/** ms; start inclusive, end exclusive. */
export interface Bucket {
  readonly start: number
  readonly end: number
}

/** Maximum buckets per request: ThingsBoard's default for `database.ts_max_intervals`. */
export const maxIntervals = 700

/** Counts like ThingsBoard: an interval below one second counts as one second. */
export const countIntervals = (start: number, end: number, interval: number) => Math.trunc((end - start) / Math.max(interval, 1000))

const wallClockFormat = (zone: string) =>
  new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric"
  })

/** The local time of a zone, as the timestamp that the same date and time has in UTC. */
const wallClock = (format: Intl.DateTimeFormat, at: number): number => {
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  return Date.UTC(part.year!, part.month! - 1, part.day, part.hour, part.minute, part.second)
}

/** The instant of a local time; the second step corrects the offset around a change to or from daylight saving time. */
const toInstant = (format: Intl.DateTimeFormat, wallTime: number): number => {
  const estimate = wallTime - (wallClock(format, wallTime) - wallTime)
  return estimate - (wallClock(format, estimate) - wallTime)
}

/** The end of the week, month or quarter that contains `at`. */
const periodEnd = (format: Intl.DateTimeFormat, at: number, type: IntervalType): number => {
  const now = new Date(wallClock(format, at))
  const [year, month, day, weekday] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), now.getUTCDay()]
  const end =
    type === "MONTH"
      ? Date.UTC(year, month + 1, 1)
      : type === "QUARTER"
        ? Date.UTC(year, month - (month % 3) + 3, 1)
        : Date.UTC(year, month, day - (type === "WEEK_ISO" ? (weekday + 6) % 7 : weekday) + 7)
  return toInstant(format, end)
}

/** Buckets are aligned to `start`, not to the clock; the last one is cut at `end`. */
export const splitIntoBuckets = (start: number, end: number, interval: number, type: IntervalType, zone: string): ReadonlyArray<Bucket> => {
  const format = type === "MILLISECONDS" ? undefined : wallClockFormat(zone)
  const buckets: Array<Bucket> = []
  for (let at = start; at < end; at = buckets.at(-1)!.end) {
    const next = format === undefined ? at + interval : periodEnd(format, at, type)
    buckets.push({ start: at, end: Math.min(Math.max(next, at + 1), end) })
  }
  return buckets
}

const isNumber = (value: Value): value is bigint | number => typeof value === "bigint" || typeof value === "number"

const findExtreme = (values: ReadonlyArray<Value>, isBetter: (one: Value, other: Value) => boolean): Value => {
  const numbers = values.filter(isNumber)
  const candidates = numbers.length > 0 ? numbers : values
  return candidates.reduce((best, value) => (isBetter(value, best) ? value : best))
}

const toComparable = (value: Value) => (value instanceof JsonValue ? value.text : value)

const summarize = (values: ReadonlyArray<Value>, aggregation: Aggregation): Value => {
  const numbers = values.filter(isNumber)
  switch (aggregation) {
    case "COUNT":
      return BigInt(values.length)
    case "AVG":
      return numbers.length === 0 ? 0 : numbers.reduce<number>((sum, value) => sum + Number(value), 0) / numbers.length
    case "SUM":
      return numbers.some((value) => typeof value === "number")
        ? numbers.reduce<number>((sum, value) => sum + Number(value), 0)
        : numbers.reduce<bigint>((sum, value) => sum + BigInt(value), 0n)
    case "MIN":
      return findExtreme(values, (one, other) => toComparable(one) < toComparable(other))
    case "MAX":
      return findExtreme(values, (one, other) => toComparable(one) > toComparable(other))
  }
}

/** One point at the middle of the bucket; undefined if the bucket is empty. */
export const aggregate = ({ end, start }: Bucket, points: ReadonlyArray<Point>, aggregation: Aggregation): Point | undefined =>
  points.length === 0
    ? undefined
    : {
        ts: start + Math.trunc((end - start) / 2),
        value: summarize(
          points.map(({ value }) => value),
          aggregation
        )
      }
