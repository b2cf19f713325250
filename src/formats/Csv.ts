import { byteKinds, guardFormulas, guardJson, maxJsonGrowth, mayBeginFormula, maySeparate, needsQuotes } from "./formulas.ts"
import { localTimeName } from "../domain/localClock.ts"
import { timeColumn } from "./localTimes.ts"
import type { Device } from "./Rows.ts"
import { noBytes, type RowWriter } from "./RowWriter.ts"
import { backslash, brace, bracket, copy, writeRows, type TokenWriter, quote, textOf, utf8 } from "./tokens.ts"

const comma = 44
const point = 46
const semicolon = 59
const pipe = 124
const apostrophe = 39
const nullToken = 110

/** Text that needs quotes to be read as text: numbers, booleans, words for a missing value, dashes, and leading or trailing spaces. */
const isAmbiguous = /^(?:[\d.+#<\u2013\u2014-].*|true|false|null|nil|none|nan|nat|n\/?a|inf(?:inity)?|\s.*|.*\s)$/is

const maxWordLength = 8
const isDigit = (c: number) => c >= 48 && c <= 57
const isSpace = (c: number | undefined) => c === 32
/** `+ - . # <`, and the first byte of a dash or of a space that is not ASCII. */
const mayBeginWord = (c: number) => c === 43 || c === 45 || c === 46 || c === 35 || c === 60 || c === 0xe2 || c === 0xc2

/** Like `isAmbiguous`, for the bytes of text without escapes. */
const areBytesAmbiguous = (bytes: Uint8Array, from: number, to: number): boolean => {
  const first = bytes[from]!
  if (isDigit(first) || mayBeginWord(first) || isSpace(first) || isSpace(bytes[to - 1])) return true
  const letter = first | 32
  const mayBeWord = to - from <= maxWordLength && (letter === 102 || letter === 105 || letter === 110 || letter === 116)
  return mayBeWord && isAmbiguous.test(textOf(bytes, from, to))
}

/** The character that a backslash followed by `c` means in JSON; 0 for `\u`, which is left to JSON.parse. */
const unescapeJson = (c: number | undefined): number => {
  switch (c) {
    case quote:
    case backslash:
    case 47:
      return c
    case 110:
      return 10
    case 116:
      return 9
    case 114:
      return 13
    case 98:
      return 8
    case 102:
      return 12
    default:
      return 0
  }
}

/** ASCII text without escapes that begins with a sign: the most common case, which can be copied as bytes. */
const isPlainSign = (c: number | undefined) => c === 61 || c === 43 || c === 45 || c === 64

/**
 * A field by RFC 4180, in quotes also if it has a separator of other locales: programs that split at several separators respect them. With
 * `guard`, text is guarded against being run as a formula, and imports restore it.
 */
export const formatField = (text: string, guard: boolean): string => {
  const safe = guard ? guardFormulas(text) : text
  return safe === "" || /[",;|\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Imports read a cell with a JSON object or array as one, even if it was exported as text. */
const isJson = (text: string): boolean => {
  if (!/^[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const formatText = (text: string, guard: boolean): string => {
  const formatted = guard && isJson(text) ? formatField(guardJson(text), false) : formatField(text, guard)
  return formatted === text && isAmbiguous.test(text) ? `"${text}"` : formatted
}

/** Writes the content of a JSON string as a field. Returns `at` for what is left to `formatText`: empty text, `\u` escapes, rare formulas. */
const writeText = (out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number, guard: boolean): number => {
  const start = at
  const isGuarded = guard && isPlainSign(bytes[from])
  if (guard && !isGuarded && mayBeginFormula(bytes, from)) return start
  let quoted = !isGuarded && areBytesAmbiguous(bytes, from, to)
  for (let i = from; i < to && !quoted; i++) quoted = (byteKinds[bytes[i]!]! & needsQuotes) !== 0
  if (quoted) out[at++] = quote
  if (isGuarded) out[at++] = apostrophe
  if (!quoted) return copy(out, at, bytes, from, to)
  for (let i = from; i < to; i++) {
    const c = bytes[i] === backslash ? unescapeJson(bytes[++i]) : bytes[i]!
    if (c === 0) return start
    if (guard && (byteKinds[c]! & maySeparate) !== 0 && i + 1 < to && mayBeginFormula(bytes, i + 1)) return start
    out[at++] = c
    if (c === quote) out[at++] = quote
  }
  out[at++] = quote
  return at
}

/** Writes a nested value as a field. It begins with a bracket or brace, so no spreadsheet takes its start for a formula. */
const writeNested: TokenWriter = (out, at, bytes, from, to) => {
  let quoted = false
  for (let i = from; i < to && !quoted; i++) quoted = bytes[i] === quote || bytes[i] === comma || bytes[i]! < 32
  if (!quoted) return copy(out, at, bytes, from, to)
  out[at++] = quote
  for (let i = from; i < to; i++) {
    const c = bytes[i]!
    out[at++] = c
    if (c === quote) out[at++] = quote
  }
  out[at++] = quote
  return at
}

const mayHoldFormula = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if ((byteKinds[bytes[i]!]! & maySeparate) !== 0 && mayBeginFormula(bytes, i + 1)) return true
  return false
}

const writeGuardedNested: TokenWriter = (out, at, bytes, from, to) => {
  if (!mayHoldFormula(bytes, from, to)) return writeNested(out, at, bytes, from, to)
  const guarded = utf8.encode(guardJson(textOf(bytes, from, to)))
  return writeNested(out, at, guarded, 0, guarded.length)
}

/** A number whose decimals follow a comma. */
const writeWithComma: TokenWriter = (out, at, bytes, from, to) => {
  for (let i = from; i < to; i++) out[at++] = bytes[i] === point ? comma : bytes[i]!
  return at
}

/** Writes a value as a field. */
export const valueWriter = (guard: boolean, decimalComma = false): TokenWriter => {
  const writeObject = guard ? writeGuardedNested : writeNested
  const writeScalar = decimalComma ? writeWithComma : copy
  return (out, at, bytes, from, to) => {
    const first = bytes[from]!
    if (first === nullToken) return at
    if (first === brace || first === bracket) return writeObject(out, at, bytes, from, to)
    if (first !== quote) return writeScalar(out, at, bytes, from, to)
    const end = writeText(out, at, bytes, from + 1, to - 1, guard)
    if (end > at) return end
    const text = JSON.parse(textOf(bytes, from, to)) as string
    return at + utf8.encodeInto(formatText(text, guard), out.subarray(at)).written
  }
}

/** Only nested values with one of these separators grow by more than their quotes. */
export const growthOf = (bytes: Uint8Array, guard: boolean) =>
  guard && (bytes.includes(semicolon) || bytes.includes(pipe)) ? maxJsonGrowth : 2

export const lineEnd = utf8.encode("\r\n")

export interface CsvOptions {
  /** Prefixes what a spreadsheet would run as a formula (never a number) with an apostrophe; see `formulas`. Defaults to true. */
  readonly guard?: boolean
  /** Adds the columns `device_id` and `device_name`. */
  readonly devices?: boolean
  /** For spreadsheets where the comma is the decimal separator: a byte order mark, semicolons and decimal commas. */
  readonly spreadsheet?: boolean
  /** Adds the column `local_time`, with the times of the clocks that are this far ahead of UTC (ms). */
  readonly offsetAt?: ((ts: number) => number) | undefined
}

export const delimiterOf = ({ spreadsheet = false }: CsvOptions) => (spreadsheet ? ";" : ",")

/** The column beside `ts`, with the delimiter before it. */
export const localTimeOf = (options: CsvOptions) =>
  options.offsetAt === undefined
    ? undefined
    : timeColumn(options.offsetAt, options.spreadsheet === true ? "spreadsheet" : "iso", delimiterOf(options), "")

/** The header up to the columns of the values. */
export const headOf = (options: CsvOptions, columns: ReadonlyArray<string>) => {
  const names = [
    ...(options.devices === true ? ["device_id", "device_name"] : []),
    "ts",
    ...(options.offsetAt === undefined ? [] : [localTimeName]),
    ...columns
  ]
  return utf8.encode(`${options.spreadsheet === true ? "\uFEFF" : ""}${names.join(delimiterOf(options))}\r\n`)
}

/**
 * RFC 4180 with a header: `ts,key,value`, preceded by `device_id,device_name` in files of several devices. Numbers and booleans are
 * written unchanged, null as an empty field, empty text as `""`, nested values as JSON. Text that could be read as a number, a boolean
 * or a missing value is quoted, so that it can be distinguished from one.
 */
export const csv = (options: CsvOptions = {}): RowWriter => {
  const { guard = true, spreadsheet = false } = options
  const delimiter = delimiterOf(options)
  const time = localTimeOf(options)
  const writeValue = valueWriter(guard, spreadsheet)
  return {
    head: () => headOf(options, ["key", "value"]),
    rows: (rows, series, device) =>
      writeRows(
        rows,
        series,
        {
          before: device === undefined ? noBytes : utf8.encode(deviceCells(device, guard, delimiter)),
          time,
          between: utf8.encode(`${delimiter}${formatField(series.key, guard)}${delimiter}`),
          after: lineEnd
        },
        writeValue,
        growthOf(rows.bytes, guard)
      ),
    tail: () => noBytes
  }
}

/** The cells of a device, with the delimiter after them. */
export const deviceCells = (device: Device, guard: boolean, delimiter: string) =>
  `${formatField(device.id, guard)}${delimiter}${formatField(device.name, guard)}${delimiter}`
