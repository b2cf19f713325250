/** Reads the timestamps of uploads and imports. */
import { isoTimeIssue, parseIsoTime } from "../../domain/isoTime.ts"
import { maxTimestamp, timestampIssue, unitOf } from "../../domain/timestamps.ts"
import type { ValueRules } from "../validation/values.ts"
import type { ImportRules } from "./importRules.ts"
import type { SeriesOfRow } from "./localTimes.ts"

export type TimestampUnit = NonNullable<ValueRules["tsUnit"]>

const unitNames = { s: "seconds", ms: "milliseconds", us: "microseconds", ns: "nanoseconds" } as const
/** Powers of ten that a unit is larger or smaller than a millisecond. */
const shifts = { s: 3, us: -3, ns: -6 } as const

/**
 * Reads a number in a unit other than milliseconds, truncated to milliseconds, as ISO 8601 is. By its digits: nanoseconds since 1970 do
 * not fit into a double.
 */
const parseScaled = (text: string, unit: "s" | "us" | "ns"): number | string => {
  const [, whole, fraction = ""] = /^(\d{1,20})(?:\.(\d{1,9}))?$/.exec(text) ?? []
  const name = unitNames[unit]
  if (whole === undefined) return `Expected ${name} since the Unix epoch, a number from 0 on`
  const found = unitOf(Number(whole))
  if (found !== undefined && found !== name) return `Looks like ${found}; expected ${name}, because of ts_unit=${unit}`
  const shift = shifts[unit]
  const digits = shift > 0 ? whole + fraction.slice(0, shift).padEnd(shift, "0") : whole.slice(0, shift)
  const ts = Number(digits === "" ? "0" : digits)
  return ts <= maxTimestamp ? ts : `Expected ${name} since the Unix epoch, up to the year 9999`
}

const readMilliseconds = (text: string) => (/^\d{1,20}(?:\.0+)?$/.test(text) ? Number(text) : Number.NaN)

/** Reads milliseconds, where no other unit can be chosen. Returns what is wrong with a text that has none. */
export const parseMilliseconds = (text: string): number | string => {
  const ts = readMilliseconds(text)
  const issue = timestampIssue(ts)
  return issue === undefined ? ts : (isoTimeIssue(text.replaceAll('"', "")) ?? issue)
}

/** Reads a number in the given unit. Returns milliseconds, or what is wrong with the text. */
export const parseNumericTimestamp = (text: string, unit: TimestampUnit = "ms"): number | string => {
  if (unit !== "ms") return parseScaled(text, unit)
  const parsed = parseMilliseconds(text)
  if (typeof parsed === "number") return parsed
  const found = unitOf(readMilliseconds(text))
  const option = found === "seconds" ? "s" : found === "microseconds" ? "us" : found === "nanoseconds" ? "ns" : undefined
  return option === undefined ? parsed : `Looks like ${found}; expected milliseconds, or ts_unit=${option}`
}

/**
 * Reads a number in the given unit, or a time in ISO 8601 with an offset, truncated to milliseconds. Returns milliseconds, or what is
 * wrong with the text.
 */
export const parseTimestamp = (text: string, unit: TimestampUnit = "ms"): number | string => {
  if (/^[\d.]*$/.test(text)) return parseNumericTimestamp(text, unit)
  return parseIsoTime(text)
}

/** Reads the time of a row. */
export const readTime = (text: string, rules: ImportRules, series: SeriesOfRow): number | string =>
  rules.readTime === undefined ? parseTimestamp(text, rules.tsUnit) : rules.readTime(text, series)
