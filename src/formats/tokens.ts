/** Work on JSON tokens as bytes. A byte loop beats decoding to strings several times over. */
import type { RowColumns, SeriesSlice } from "./Rows.ts"

export const utf8 = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

export const quote = 34
export const backslash = 92
export const brace = 123
export const bracket = 91

export const textOf = (bytes: Uint8Array, from: number, to: number): string => decoder.decode(bytes.subarray(from, to))

/** Writes the token `from`..`to` of `bytes` into `out` at `at`, in at most twice its length and three bytes more; returns the end. */
export type TokenWriter = (out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number) => number

/** Below this many bytes a loop beats `set`. */
const loopBelow = 64

export const copy: TokenWriter = (out, at, bytes, from, to) => {
  if (to - from > loopBelow) {
    out.set(bytes.subarray(from, to), at)
    return at + to - from
  }
  for (let i = from; i < to; i++) out[at++] = bytes[i]!
  return at
}

/** Copies a nested value onto one line: line ends between its tokens become blanks. Inside its texts there are none, since JSON escapes them. */
export const copyOnOneLine: TokenWriter = (out, at, bytes, from, to) => {
  const end = copy(out, at, bytes, from, to)
  if (bytes[from] === brace || bytes[from] === bracket) {
    for (let i = at; i < end; i++) if (out[i] === 10 || out[i] === 13) out[i] = 32
  }
  return end
}

export interface Template {
  readonly before: Uint8Array
  readonly between: Uint8Array
  readonly behind: Uint8Array
}

/** Writes `before` ts `between` value `behind` for each row, into one fresh array. */
export const writeRows = (
  rows: RowColumns,
  { from, to }: SeriesSlice,
  { before, behind, between }: Template,
  put: TokenWriter
): Uint8Array => {
  const { bytes, tsFrom, tsTo, valueFrom, valueTo } = rows
  let size = (to - from) * (before.length + between.length + behind.length + 3)
  for (let i = from; i < to; i++) size += tsTo[i]! - tsFrom[i]! + 2 * (valueTo[i]! - valueFrom[i]!)
  const out = new Uint8Array(size)
  let at = 0
  for (let i = from; i < to; i++) {
    at = copy(out, at, before, 0, before.length)
    at = copy(out, at, bytes, tsFrom[i]!, tsTo[i]!)
    at = copy(out, at, between, 0, between.length)
    at = put(out, at, bytes, valueFrom[i]!, valueTo[i]!)
    at = copy(out, at, behind, 0, behind.length)
  }
  return out.subarray(0, at)
}
