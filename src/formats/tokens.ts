/** JSON tokens handled as bytes: a loop over bytes is several times faster than decoding to strings. */
import type { RowColumns, SeriesSlice } from "./Rows.ts"

export const utf8 = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

export const quote = 34
export const backslash = 92
export const brace = 123
export const bracket = 91

export const textOf = (bytes: Uint8Array, from: number, to: number): string => decoder.decode(bytes.subarray(from, to))

/**
 * Writes the token at `from`..`to` of `bytes` to `out` at `at`, in at most twice its length (or `growth` times, see `writeRows`) plus three
 * bytes. Returns the position after it.
 */
export type TokenWriter = (out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number) => number

/** Up to this length a loop is faster than `set`. */
const maxLoopLength = 64

export const copy: TokenWriter = (out, at, bytes, from, to) => {
  if (to - from > maxLoopLength) {
    out.set(bytes.subarray(from, to), at)
    return at + to - from
  }
  for (let i = from; i < to; i++) out[at++] = bytes[i]!
  return at
}

/** Copies a nested value onto one line: newlines between its tokens become spaces. Its strings have none, since JSON escapes them. */
export const copyOnOneLine: TokenWriter = (out, at, bytes, from, to) => {
  const end = copy(out, at, bytes, from, to)
  if (bytes[from] === brace || bytes[from] === bracket) {
    for (let i = at; i < end; i++) if (out[i] === 10 || out[i] === 13) out[i] = 32
  }
  return end
}

/** Writes the times of rows in another form. */
export interface TimeColumn {
  /** Bytes that a time takes at most. */
  readonly maxLength: number
  /** Writes the time to `out` at `at`; returns the position after it. */
  readonly write: (out: Uint8Array, at: number, ts: number) => number
}

/** The fixed bytes of a row: `before` ts (and its local time) `between` value `after`. */
export interface RowTemplate {
  readonly before: Uint8Array
  readonly time?: TimeColumn | undefined
  readonly between: Uint8Array
  readonly after: Uint8Array
}

/** Writes the rows to a new array. No value may grow to more than `growth` times its length and three bytes. */
export const writeRows = (
  rows: RowColumns,
  { from, to }: SeriesSlice,
  { before, after, between, time }: RowTemplate,
  writeValue: TokenWriter,
  growth = 2
): Uint8Array => {
  const { bytes, tsFrom, tsTo, valueFrom, valueTo } = rows
  let size = (to - from) * (before.length + between.length + after.length + (time?.maxLength ?? 0) + 3)
  for (let i = from; i < to; i++) size += tsTo[i]! - tsFrom[i]! + growth * (valueTo[i]! - valueFrom[i]!)
  const out = new Uint8Array(size)
  let at = 0
  for (let i = from; i < to; i++) {
    at = copy(out, at, before, 0, before.length)
    at = copy(out, at, bytes, tsFrom[i]!, tsTo[i]!)
    if (time !== undefined) at = time.write(out, at, rows.ts[i]!)
    at = copy(out, at, between, 0, between.length)
    at = writeValue(out, at, bytes, valueFrom[i]!, valueTo[i]!)
    at = copy(out, at, after, 0, after.length)
  }
  return out.subarray(0, at)
}
