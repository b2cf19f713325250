/** Reads the timestamps of uploads and imports. */
import { isoTimeIssue, parseIsoTime } from "../../domain/isoTime.ts"
import { looksLikeSeconds, maxTimestamp, secondsRange } from "../../domain/Telemetry.ts"
import type { ValueRules } from "../validation/values.ts"

const parseSeconds = (text: string): number | string => {
  const seconds = /^\d{1,16}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds <= maxTimestamp / 1000)) return "Expected seconds since the epoch, a number from 0 to 8640000000000"
  return seconds >= secondsRange.exclusiveMaximum
    ? "Looks like milliseconds; expected seconds, because of ts_unit=s"
    : Math.round(seconds * 1000)
}

/** Reads a number in the given unit. Returns milliseconds, or what is wrong with the text. */
export const parseNumericTimestamp = (text: string, unit: ValueRules["tsUnit"] = "ms"): number | string => {
  if (unit === "s") return parseSeconds(text)
  const ts = /^\d{1,16}(?:\.0+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(ts <= maxTimestamp))
    return isoTimeIssue(text.replaceAll('"', "")) ?? "Expected milliseconds since the epoch, a whole number from 0 to 8640000000000000"
  return looksLikeSeconds(ts) ? "Looks like seconds; expected milliseconds, or ts_unit=s" : ts
}

/**
 * Reads a number in the given unit, or a time in ISO 8601 with an offset, truncated to milliseconds. Returns milliseconds, or what is
 * wrong with the text.
 */
export const parseTimestamp = (text: string, unit: ValueRules["tsUnit"] = "ms"): number | string => {
  if (/^[\d.]*$/.test(text)) return parseNumericTimestamp(text, unit)
  return parseIsoTime(text)
}
