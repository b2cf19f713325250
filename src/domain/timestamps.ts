/** Which numbers are times in milliseconds, and what other numbers look like. Reads, uploads and imports share this rule. */

/**
 * The last millisecond of the year 9999. ThingsBoard responds with 500 to a write that contains a later time, and stores none of its
 * points (recorded from 4.1 and 4.3: `edges.json`).
 */
export const maxTimestamp = 253_402_300_799_999

/** `minimum <= ts < exclusiveMaximum` is a date from 1973 to 5138 in seconds, but one before March 1973 in milliseconds. */
export const secondsRange = { minimum: 100_000_000, exclusiveMaximum: 100_000_000_000 } as const

/** A time from March 1973 on is in this range, in microseconds until 5138 and in nanoseconds from then on. */
const minNanoseconds = 1e17
const maxNanoseconds = 1e20

export type TimeUnit = "seconds" | "milliseconds" | "microseconds" | "nanoseconds"

/** The unit of which a number looks like a date; undefined for a number that is too small or too large for any. */
export const unitOf = (time: number): TimeUnit | undefined => {
  if (!(time >= secondsRange.minimum && time < maxNanoseconds)) return undefined
  if (time < secondsRange.exclusiveMaximum) return "seconds"
  if (time <= maxTimestamp) return "milliseconds"
  return time < minNanoseconds ? "microseconds" : "nanoseconds"
}

/** What is wrong with a number where milliseconds are expected; undefined for a time. */
export const timestampIssue = (ts: number): string | undefined => {
  const unit = unitOf(ts)
  if (unit !== undefined && unit !== "milliseconds") return `Looks like ${unit}; expected milliseconds since the Unix epoch`
  return Number.isInteger(ts) && ts >= 0 && ts <= maxTimestamp
    ? undefined
    : `Expected milliseconds since the Unix epoch, a whole number from 0 to ${maxTimestamp}`
}
