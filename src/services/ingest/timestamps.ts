/** Reads the timestamps of uploads and imports. */
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
  if (!(ts <= maxTimestamp)) return "Expected milliseconds since the epoch, a whole number from 0 to 8640000000000000"
  return looksLikeSeconds(ts) ? "Looks like seconds; expected milliseconds, or ts_unit=s" : ts
}

const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** Minutes east of UTC. */
const parseOffset = (zone: string): number => {
  if (zone.toUpperCase() === "Z") return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", "") || 0)
  return zone.startsWith("-") ? -minutes : minutes
}

/**
 * Reads a number in the given unit, or a time in ISO 8601 with an offset, truncated to milliseconds. Returns milliseconds, or what is
 * wrong with the text.
 */
export const parseTimestamp = (text: string, unit: ValueRules["tsUnit"] = "ms"): number | string => {
  if (/^[\d.]*$/.test(text)) return parseNumericTimestamp(text, unit)
  const parts = iso.exec(text)
  if (parts === null) return "Expected a number, or ISO 8601 such as 2026-01-31T08:00:00+01:00"
  const [, year, month, day, hour, minute, second = "0", fraction = "", zone] = parts
  if (zone === undefined) return "Expected an offset, as in 2026-01-31T08:00:00+01:00 or 2026-01-31T07:00:00Z"
  const millis = Number(fraction.slice(0, 3).padEnd(3, "0"))
  const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second), millis)
  // Date accepts days and hours that do not exist: February 31 becomes March 2.
  const exists = new Date(local).toISOString().startsWith(`${year}-${month}-${day}T${hour}:${minute}:${second.padStart(2, "0")}`)
  const offset = parseOffset(zone)
  const ts = local - offset * 60_000
  return exists && Math.abs(offset) <= 14 * 60 && ts >= 0 ? ts : "Expected a date and time that exist, from 1970 on"
}
