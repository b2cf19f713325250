/**
 * Large values of a large body: an object or array of megabytes takes JSON.parse longer than one turn of the event loop may last. Here it is
 * checked in steps. A string needs no such care: ten megabytes are scanned and decoded within a turn.
 */
import type { IsTurnOver, Steps } from "../domain/Steps.ts"
import { endOfText, endOfValue, expect, fail, skipSpace, valueAt } from "./JsonScanner.ts"

const [quote, backslash, comma, colon, openList, closeList, open, close] = [34, 92, 44, 58, 91, 93, 123, 125]

/** Bytes, or elements, between two looks at the clock. */
const bytesPerLook = 16 * 1024
const elementsPerLook = 256

/** What is known of the brackets of a body up to a position. */
interface Brackets {
  readonly bytes: Uint8Array
  readonly minLength: number
  /** The ends of the large values, by the position of their bracket. */
  readonly ends: Map<number, number>
  /** The positions of the brackets that are open. */
  readonly openings: Array<number>
  isInText: boolean
}

/**
 * Follows the brackets from `from` to `to`, and returns where to continue. It is a function of its own because a loop over bytes takes several
 * times as long in a generator.
 */
const followBrackets = (brackets: Brackets, from: number, to: number): number => {
  const { bytes, ends, minLength, openings } = brackets
  let { isInText } = brackets
  let i = from
  for (; i < to; i++) {
    const c = bytes[i]
    if (isInText) {
      if (c === backslash) i++
      else if (c === quote) isInText = false
    } else if (c === quote) isInText = true
    else if (c === open || c === openList) openings.push(i)
    else if (c === close || c === closeList) {
      const opening = openings.pop()
      if (opening !== undefined && i - opening >= minLength) ends.set(opening, i + 1)
    }
  }
  brackets.isInText = isInText
  return i
}

/**
 * The ends of all objects and arrays that take at least `minLength` bytes, by the position of their bracket. It counts brackets, and does
 * not see other errors in the JSON.
 */
export function* findLargeValues(bytes: Uint8Array, minLength: number, isTurnOver: IsTurnOver): Steps<ReadonlyMap<number, number>> {
  const brackets: Brackets = { bytes, minLength, ends: new Map(), openings: [], isInText: false }
  for (let i = 0; i < bytes.length;) {
    i = followBrackets(brackets, i, Math.min(bytes.length, i + bytesPerLook))
    if (isTurnOver()) yield
  }
  return brackets.ends
}

/** The bytes of a field name as text, the same for all ways to write it. */
const nameAt = (bytes: Uint8Array, from: number, end: number): string => {
  const written = Buffer.from(bytes.buffer, bytes.byteOffset + from + 1, end - from - 2)
  return written.includes(backslash) ? Buffer.from(valueAt(bytes, from, end) as string).toString("latin1") : written.toString("latin1")
}

export type LargeValueIssue = "duplicate" | "tooManyFields" | "tooDeep"

interface Limits {
  readonly maxDepth: number
  /** Fields of one object. */
  readonly maxFields: number
  /** Called with the ends of each field name and of each value other than objects and arrays. */
  readonly inspect?: (from: number, end: number) => void
}

/** A map of the names of more fields would take longer to grow than a turn of the event loop may last. */
export const maxLargeFields = 100_000

/**
 * Checks that the object or array at `at` is valid JSON (otherwise it throws a ScanError), and with `limits` also that no object in it has
 * a field twice. Returns what else is wrong with it.
 */
export function* checkLargeValue(
  bytes: Uint8Array,
  at: number,
  limits: Limits | undefined,
  isTurnOver: IsTurnOver
): Steps<LargeValueIssue | undefined> {
  const { maxDepth, maxFields } = limits ?? { maxDepth: Number.POSITIVE_INFINITY, maxFields: 0 }
  /** The names of each object that is open; undefined for an array. */
  const stack: Array<Set<string> | undefined> = []
  let issue: LargeValueIssue | undefined
  let i = at
  for (let n = 1; issue !== "tooManyFields"; n++) {
    if (n % elementsPerLook === 0 && isTurnOver()) yield
    // A value begins at i.
    const c = bytes[i]
    if (c === open || c === openList) {
      if (stack.length >= maxDepth) return "tooDeep"
      stack.push(c === open ? new Set() : undefined)
      i = skipSpace(bytes, i + 1)
      if (bytes[i] !== (c === open ? close : closeList)) {
        if (c === open) i = readName()
        continue
      }
    } else {
      const end = endOfValue(bytes, i)
      limits?.inspect?.(i, end)
      i = skipSpace(bytes, end)
    }
    // A value has ended, or the bracket at i ends an empty one.
    for (;;) {
      const names = stack.at(-1)
      if (bytes[i] === comma) {
        i = skipSpace(bytes, i + 1)
        if (names !== undefined) i = readName()
        break
      }
      if (bytes[i] !== (names === undefined ? closeList : close)) return fail(i)
      stack.pop()
      i++
      if (stack.length === 0) return issue
      i = skipSpace(bytes, i)
    }
  }
  return issue

  function readName(): number {
    const end = endOfText(bytes, i)
    if (limits !== undefined) {
      limits.inspect?.(i, end)
      const name = nameAt(bytes, i, end)
      const names = stack.at(-1)!
      if (names.has(name)) issue ??= "duplicate"
      names.add(name)
      if (names.size > maxFields) issue = "tooManyFields"
    }
    return expect(bytes, skipSpace(bytes, end), colon)
  }
}
