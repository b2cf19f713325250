/** Reads the timestamps of uploads and imports. */
import { isoTimeIssue, parseIsoTime } from "../../domain/isoTime.ts"
import { maxTimestamp, timestampIssue, unitOf } from "../../domain/timestamps.ts"
import type { ValueRules } from "../validation/values.ts"

const maxSeconds = Math.floor(maxTimestamp / 1000)

const parseSeconds = (text: string): number | string => {
  const seconds = /^\d{1,20}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
  const unit = unitOf(seconds)
  if (unit !== undefined && unit !== "seconds") return `Looks like ${unit}; expected seconds, because of ts_unit=s`
  return seconds < maxSeconds + 1 ? Math.round(seconds * 1000) : `Expected seconds since the Unix epoch, a number from 0 to ${maxSeconds}`
}

/** Reads a number in the given unit. Returns milliseconds, or what is wrong with the text. */
export const parseNumericTimestamp = (text: string, unit: ValueRules["tsUnit"] = "ms"): number | string => {
  if (unit === "s") return parseSeconds(text)
  const ts = /^\d{1,20}(?:\.0+)?$/.test(text) ? Number(text) : Number.NaN
  const issue = timestampIssue(ts)
  if (issue === undefined) return ts
  if (unitOf(ts) === "seconds") return "Looks like seconds; expected milliseconds, or ts_unit=s"
  return isoTimeIssue(text.replaceAll('"', "")) ?? issue
}

/**
 * Reads a number in the given unit, or a time in ISO 8601 with an offset, truncated to milliseconds. Returns milliseconds, or what is
 * wrong with the text.
 */
export const parseTimestamp = (text: string, unit: ValueRules["tsUnit"] = "ms"): number | string => {
  if (/^[\d.]*$/.test(text)) return parseNumericTimestamp(text, unit)
  return parseIsoTime(text)
}
