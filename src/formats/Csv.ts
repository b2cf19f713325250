import { noBytes, type RowWriter } from "./RowWriter.ts"
import { backslash, brace, bracket, copy, writeRows, type TokenWriter, quote, textOf, utf8 } from "./tokens.ts"

const comma = 44
const apostrophe = 39
const nullToken = 110

/** What a spreadsheet takes for a formula when text begins with it: = + - @ TAB CR LF. */
const startsFormula = (c: number | undefined) => c === 61 || c === 43 || c === 45 || c === 64 || c === 9 || c === 13 || c === 10

/** Text that would read as something else without quotes: numbers, booleans, words for a missing value, blanks at an end. */
const readsOtherwise = /^(?:[\d.+-].*|true|false|null|none|nan|inf(?:inity)?|\s.*|.*\s)$/is

const maxWordLength = 8
const isDigit = (c: number) => c >= 48 && c <= 57
const isBlank = (c: number | undefined) => c === 32

/** The same of text that holds no escapes, by its bytes. */
const bytesReadOtherwise = (bytes: Uint8Array, from: number, to: number): boolean => {
  const first = bytes[from]!
  if (isDigit(first) || first === 43 || first === 45 || first === 46 || isBlank(first) || isBlank(bytes[to - 1])) return true
  const letter = first | 32
  const mayBeWord = to - from <= maxWordLength && (letter === 102 || letter === 105 || letter === 110 || letter === 116)
  return mayBeWord && readsOtherwise.test(textOf(bytes, from, to))
}

/** What a backslash and `c` stand for; 0 for `\u`, which is left to JSON.parse. */
const unescaped = (c: number | undefined): number => {
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

/** Apostrophes before it count as well: one more is put there and taken off again, so that text comes back as it was. */
const bytesStartFormula = (bytes: Uint8Array, from: number): boolean => {
  while (bytes[from] === apostrophe) from++
  return startsFormula(bytes[from] === backslash ? unescaped(bytes[from + 1]) : bytes[from])
}

/** A field by RFC 4180. Text that a spreadsheet would run gets an apostrophe before it when `guard` is on. */
export const field = (text: string, guard: boolean): string => {
  const safe = guard && /^'*[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
  return safe === "" || /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

const textField = (text: string, guard: boolean): string => {
  const made = field(text, guard)
  return made === text && readsOtherwise.test(text) ? `"${text}"` : made
}

/** The inside of a JSON text as a field; returns `at` for what it leaves to `field`: the empty text and `\u`. */
const putText = (out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number, guard: boolean): number => {
  const start = at
  const isGuarded = guard && bytesStartFormula(bytes, from)
  let quoted = !isGuarded && bytesReadOtherwise(bytes, from, to)
  for (let i = from; i < to && !quoted; i++) quoted = bytes[i] === backslash || bytes[i] === comma
  if (quoted) out[at++] = quote
  if (isGuarded) out[at++] = apostrophe
  if (!quoted) return copy(out, at, bytes, from, to)
  for (let i = from; i < to; i++) {
    const c = bytes[i] === backslash ? unescaped(bytes[++i]) : bytes[i]!
    if (c === 0) return start
    out[at++] = c
    if (c === quote) out[at++] = quote
  }
  out[at++] = quote
  return at
}

/** A nested value as a field. It begins with a bracket, so that no spreadsheet takes it for a formula. */
const putNested: TokenWriter = (out, at, bytes, from, to) => {
  let quoted = false
  for (let i = from; i < to && !quoted; i++) quoted = bytes[i] === quote || bytes[i] === comma || bytes[i] === 10 || bytes[i] === 13
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

const putValue =
  (guard: boolean): TokenWriter =>
  (out, at, bytes, from, to) => {
    const first = bytes[from]!
    if (first === nullToken) return at
    if (first === brace || first === bracket) return putNested(out, at, bytes, from, to)
    if (first !== quote) return copy(out, at, bytes, from, to)
    const end = putText(out, at, bytes, from + 1, to - 1, guard)
    if (end > at) return end
    const text = JSON.parse(textOf(bytes, from, to)) as string
    return at + utf8.encodeInto(textField(text, guard), out.subarray(at)).written
  }

const lineEnd = utf8.encode("\r\n")

export interface CsvOptions {
  /** An apostrophe before text (never before a number) that a spreadsheet would run as a formula. On unless told otherwise. */
  readonly guard?: boolean
  /** With the columns `device_id` and `device_name`. */
  readonly devices?: boolean
}

/**
 * RFC 4180 with a header: `ts,key,value`, with `device_id,device_name` before them in files of several devices. Numbers and
 * booleans as they are, null an empty field, empty text `""`, nested values as JSON text. Text that would read as a number, a boolean
 * or nothing stands in quotes, so that it can be told from one.
 */
export const csv = ({ devices = false, guard = true }: CsvOptions = {}): RowWriter => ({
  head: () => utf8.encode(`${devices ? "device_id,device_name," : ""}ts,key,value\r\n`),
  rows: (rows, series, device) =>
    writeRows(
      rows,
      series,
      {
        before: device === undefined ? noBytes : utf8.encode(`${field(device.id, guard)},${field(device.name, guard)},`),
        between: utf8.encode(`,${field(series.key, guard)},`),
        behind: lineEnd
      },
      putValue(guard)
    ),
  tail: () => noBytes
})
