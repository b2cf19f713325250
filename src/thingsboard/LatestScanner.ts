/** Reads the latest values of an entity, `{"key":[{"ts":…,"value":…}],…}`, so that every value stays the bytes that ThingsBoard sent. */
import { Effect } from "effect"
import { endOfText, endOfValue, expect, fail, ScanError, skipSpace, textAt, valueAt } from "./JsonScanner.ts"
import { badAnswer, type ThingsBoardError } from "./ThingsBoardError.ts"

/** `{"ts":…,"value":…}` as JSON, by key. */
export type LatestPoints = ReadonlyMap<string, Uint8Array>

const [quote, comma, colon, open, close, openList, closeList] = [34, 44, 58, 123, 125, 91, 93]

const ascii = (text: string) => new TextEncoder().encode(text)
const compactHead = ascii('{"ts":')
const compactMiddle = ascii(',"value":')
const nothing = ascii("null")

const startsWith = (bytes: Uint8Array, at: number, expected: Uint8Array): boolean => {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false
  return true
}

/** Keys are short and mostly plain ASCII, where a loop beats the decoder. */
const keyAt = (bytes: Uint8Array, from: number, to: number): string => {
  let key = ""
  for (let i = from + 1; i < to - 1; i++) {
    const c = bytes[i]!
    if (c === 92 || c > 126) return valueAt(bytes, from, to) as string
    key += String.fromCharCode(c)
  }
  return key
}

const behindTs = (bytes: Uint8Array, from: number): number => {
  const to = endOfValue(bytes, from)
  for (let i = from; i < to; i++) if (!(bytes[i]! >= 48 && bytes[i]! <= 57) && !(i === from && bytes[i] === 45)) return fail(i)
  return to
}

class Reader {
  at = 0
  readonly points = new Map<string, Uint8Array>()

  constructor(readonly bytes: Uint8Array) {}

  read(): LatestPoints {
    const { bytes } = this
    this.at = expect(bytes, skipSpace(bytes, 0), open)
    for (let first = true; bytes[this.at] !== close; first = false) {
      if (!first) this.skip(comma)
      const keyEnd = endOfText(bytes, this.at)
      const key = keyAt(bytes, this.at, keyEnd)
      this.at = skipSpace(bytes, keyEnd)
      this.skip(colon)
      this.skip(openList)
      // At most one point a key; an empty list would be a key without values.
      if (bytes[this.at] !== closeList) {
        const compact = this.compactPoint()
        const point = compact === undefined ? this.anyPoint() : compact
        if (point !== null) this.points.set(key, point)
      }
      this.skip(closeList)
    }
    return skipSpace(bytes, this.at + 1) === bytes.length ? this.points : fail(this.at)
  }

  private skip(character: number) {
    this.at = expect(this.bytes, this.at, character)
  }

  /** The point as ThingsBoard prints it; null without a value, undefined when it is spelt otherwise. */
  private compactPoint(): Uint8Array | null | undefined {
    const { at, bytes } = this
    if (!startsWith(bytes, at, compactHead)) return undefined
    const tsFrom = at + compactHead.length
    if (bytes[tsFrom]! < 48) return undefined
    const tsTo = behindTs(bytes, tsFrom)
    if (!startsWith(bytes, tsTo, compactMiddle)) return undefined
    const from = tsTo + compactMiddle.length
    if (bytes[from]! <= 32) return undefined
    const to = endOfValue(bytes, from)
    if (bytes[to] !== close) return undefined
    this.at = skipSpace(bytes, to + 1)
    return startsWith(bytes, from, nothing) ? null : bytes.subarray(at, to + 1)
  }

  private anyPoint(): Uint8Array | null {
    const { bytes } = this
    let ts: string | undefined
    let value: string | undefined
    this.skip(open)
    for (let first = true; first || bytes[this.at] !== close; first = false) {
      if (!first) this.skip(comma)
      const nameEnd = bytes[this.at] === quote ? endOfText(bytes, this.at) : fail(this.at)
      const name = keyAt(bytes, this.at, nameEnd)
      this.at = skipSpace(bytes, nameEnd)
      this.skip(colon)
      const end = name === "ts" ? behindTs(bytes, this.at) : endOfValue(bytes, this.at)
      if (name === "ts") ts = textAt(bytes, this.at, end)
      if (name === "value") value = textAt(bytes, this.at, end)
      this.at = skipSpace(bytes, end)
    }
    this.skip(close)
    if (ts === undefined || value === undefined) return fail(this.at)
    return value === "null" ? null : ascii(`{"ts":${ts},"value":${value}}`)
  }
}

/**
 * The newest point of each key that has one. ThingsBoard answers a key without values by `{"ts": <now>, "value": null}`:
 * such a key is not in the map.
 */
export const scanLatest = (bytes: Uint8Array): Effect.Effect<LatestPoints, ThingsBoardError> => {
  try {
    return Effect.succeed(new Reader(bytes).read())
  } catch (error) {
    return error instanceof ScanError ? Effect.fail(badAnswer()) : Effect.die(error)
  }
}
