/**
 * Reads times that are written in a format of their own, such as `dd.MM.yyyy HH:mm:ss`, and local times in a time zone. The letters of a
 * format are those of Unicode (LDML), which Java, .NET, Excel and many loggers use.
 */
import { impossibleTime, parseIsoTime, parseOffset } from "../../domain/isoTime.ts"
import { maxTimestamp } from "../../domain/timestamps.ts"
import type { ReadLocalTime, TimeReader } from "./localTimes.ts"

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

type Field = "year" | "month" | "monthName" | "day" | "hour" | "hour12" | "minute" | "second" | "fraction" | "halfDay" | "offset"

/**
 * What each letter group means, and the digits or letters that it stands for. `YYYY`, `DD`, `A` and `Z` are those of Moment.js, which mean
 * something in Unicode that no file has (the day of the year).
 */
const groups: Readonly<Record<string, readonly [Field, string]>> = {
  yyyy: ["year", String.raw`\d{4}`],
  YYYY: ["year", String.raw`\d{4}`],
  yy: ["year", String.raw`\d\d`],
  YY: ["year", String.raw`\d\d`],
  MMM: ["monthName", "[A-Za-z]{3}"],
  MM: ["month", String.raw`\d\d`],
  M: ["month", String.raw`\d\d?`],
  dd: ["day", String.raw`\d\d`],
  DD: ["day", String.raw`\d\d`],
  d: ["day", String.raw`\d\d?`],
  D: ["day", String.raw`\d\d?`],
  HH: ["hour", String.raw`\d\d`],
  H: ["hour", String.raw`\d\d?`],
  hh: ["hour12", String.raw`\d\d`],
  h: ["hour12", String.raw`\d\d?`],
  mm: ["minute", String.raw`\d\d`],
  ss: ["second", String.raw`\d\d`],
  s: ["second", String.raw`\d\d?`],
  S: ["fraction", String.raw`\d{1,9}`],
  a: ["halfDay", "[AaPp]\\.?[Mm]\\.?"],
  A: ["halfDay", "[AaPp]\\.?[Mm]\\.?"],
  XXX: ["offset", String.raw`Z|[+-]\d\d:?\d\d`],
  Z: ["offset", String.raw`Z|[+-]\d\d:?\d\d`]
}

/** The letter groups and the literals of a format. A literal with letters is in apostrophes: `yyyy-MM-dd'T'HH:mm`. */
const parts = /'((?:[^']|'')*)'|([A-Za-z])\2*|([^A-Za-z']+)|(')/g

interface Compiled {
  readonly pattern: RegExp
  readonly fields: ReadonlyArray<Field>
}

/** Compiles a format, or says what is wrong with it. */
const compile = (format: string): Compiled | string => {
  const fields: Array<Field> = []
  let source = ""
  for (const [text, quoted, letter, literal] of format.matchAll(parts)) {
    if (quoted !== undefined) source += RegExp.escape(quoted === "" ? "'" : quoted.replaceAll("''", "'"))
    else if (literal !== undefined) source += RegExp.escape(literal)
    // The T of ISO 8601 has no other meaning.
    else if (text === "T") source += text
    else {
      const group = letter === "S" ? groups["S"] : groups[text]
      if (group === undefined) return `Expected a format such as dd.MM.yyyy HH:mm:ss; ${text} has no meaning`
      const [field, digits] = group
      if (fields.includes(field)) return `Expected each part of a time only once; found ${text} again`
      fields.push(field)
      source += `(${digits})`
    }
  }
  const has = (...names: ReadonlyArray<Field>) => names.some((name) => fields.includes(name))
  if (!has("year") || !has("month", "monthName") || !has("day")) return "Expected a format with year, month and day, such as dd.MM.yyyy"
  if (has("hour12") && !has("halfDay")) return "Expected a with h, or H for hours from 0 to 23"
  return { pattern: new RegExp(`^${source}$`), fields }
}

const hoursOf = (values: Partial<Record<Field, string>>): number => {
  if (values.hour12 === undefined) return Number(values.hour ?? 0)
  const hour = Number(values.hour12)
  if (hour < 1 || hour > 12) return Number.NaN
  return (hour % 12) + (/^p/i.test(values.halfDay!) ? 12 : 0)
}

/** Two digits mean 1970 to 2069, as POSIX has it. */
const yearOf = (text: string) => (text.length === 4 ? Number(text) : Number(text) + (Number(text) < 70 ? 2000 : 1900))

/** Milliseconds of the local clock, or of UTC if the text has an offset. */
const localTimeOf = (values: Partial<Record<Field, string>>): number | undefined => {
  const month = values.monthName === undefined ? Number(values.month) - 1 : months.indexOf(values.monthName.toLowerCase())
  const [year, day, hour] = [yearOf(values.year!), Number(values.day), hoursOf(values)]
  const [minute, second] = [Number(values.minute ?? 0), Number(values.second ?? 0)]
  const millis = Number((values.fraction ?? "").slice(0, 3).padEnd(3, "0"))
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined
  const local = Date.UTC(year, month, day, hour, minute, second, millis)
  const date = new Date(local)
  // Date accepts days that do not exist: February 31 becomes March 2.
  return date.getUTCMonth() === month && date.getUTCDate() === day ? local : undefined
}

/** Reads times in a format. `read` reads local times; without it, they need an offset. Returns what is wrong with the format as `issue`. */
export const makeTimeReader = (format: string, read: ReadLocalTime | undefined): TimeReader | { readonly issue: string } => {
  const compiled = compile(format)
  if (typeof compiled === "string") return { issue: compiled }
  const { fields, pattern } = compiled
  if (read === undefined && !fields.includes("offset"))
    return { issue: "Expected timezone= as well, because the format has no offset (XXX)" }
  return (text, series) => {
    const match = pattern.exec(text)
    if (match === null) return `Expected a time such as the format ${format}`
    const values: Partial<Record<Field, string>> = {}
    for (const [i, field] of fields.entries()) values[field] = match[i + 1]!
    const local = localTimeOf(values)
    if (local === undefined) return impossibleTime
    if (values.offset === undefined) return read!(local, series)
    const ts = local - parseOffset(values.offset) * 60_000
    return ts >= 0 && ts <= maxTimestamp ? ts : impossibleTime
  }
}

/** Reads ISO 8601, where local times need no offset, and numbers by `readNumber`. */
export const makeLocalIsoReader =
  (read: ReadLocalTime, readNumber: (text: string) => number | string): TimeReader =>
  (text, series) =>
    /^[\d.]*$/.test(text) ? readNumber(text) : parseIsoTime(text, (local) => read(local, series))
