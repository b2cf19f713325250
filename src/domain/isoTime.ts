/** Times in ISO 8601, such as 2026-01-31T08:00:00+01:00. */
import { maxTimestamp } from "./timestamps.ts"

const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

export const impossibleTime = "Expected a date and time that exist, from 1970 to 9999"

/** Minutes east of UTC: of `Z`, `+01`, `+0100` or `+01:00`. */
export const parseOffset = (zone: string): number => {
  if (zone.toUpperCase() === "Z") return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", "") || 0)
  return zone.startsWith("-") ? -minutes : minutes
}

/**
 * Reads a time with an offset, truncated to milliseconds. Returns milliseconds, or what is wrong with the text. `toInstant` reads local times,
 * which have no offset.
 */
export const parseIsoTime = (text: string, toInstant?: (local: number) => number | string): number | string => {
  const parts = iso.exec(text)
  if (parts === null) return "Expected a number, or ISO 8601 such as 2026-01-31T08:00:00+01:00"
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone] = parts
  if (zone === undefined && toInstant === undefined) return "Expected an offset, as in 2026-01-31T08:00:00+01:00 or 2026-01-31T07:00:00Z"
  const millis = Number(fraction.slice(0, 3).padEnd(3, "0"))
  const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second), millis)
  // Date accepts days and hours that do not exist: February 31 becomes March 2.
  const exists = new Date(local).toISOString().startsWith(`${year}-${month}-${day}T${hour}:${minute}:${second.padStart(2, "0")}`)
  if (zone === undefined) return exists ? toInstant!(local) : impossibleTime
  const offset = parseOffset(zone)
  const ts = local - offset * 60_000
  const isPossible = exists && Math.abs(offset) <= 14 * 60 && ts >= 0 && ts <= maxTimestamp
  return isPossible ? ts : impossibleTime
}

/** For a date where milliseconds are required: what to send instead. Undefined for a text that is no date. */
export const isoTimeIssue = (text: string): string | undefined => {
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return undefined
  const expected = "Expected milliseconds since the Unix epoch"
  const inUtc = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : /[T ][\d:.,]+$/i.test(text) ? `${text}Z` : undefined
  const ts = parseIsoTime(inUtc ?? text)
  if (typeof ts === "string") return `${expected}, not a date`
  return `${expected}: ${ts} for this time${inUtc === undefined ? "" : " in UTC"}`
}
