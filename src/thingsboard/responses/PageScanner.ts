/**
 * Splits a page of a list, `{"data":[…],"totalPages":n,"totalElements":n,"hasNext":b}`, into the bytes of its items and its numbers.
 *
 * A page written the way ThingsBoard does is recognized by its start and its end alone: a truncated one lacks the end, and the last `]`
 * of a complete one ends the list. A page written in any other way is parsed as a whole.
 */
import { Effect, Option, Schema } from "effect"
import type { BytesPage } from "../../domain/Page.ts"
import { endOfText, endOfValue, expect, skipSpace, textAt, valueAt } from "../../json/JsonScanner.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { rememberByBytes } from "./rememberByBytes.ts"

const ascii = (text: string) => new TextEncoder().encode(text)
const head = ascii('{"data":[')
const totalPages = ascii('],"totalPages":')
const totalElements = ascii(',"totalElements":')
const hasNext = ascii(',"hasNext":')
const yes = ascii("true}")
const no = ascii("false}")

/** The position after `expected`, or -1 if it is not at `at`. */
const after = (bytes: Uint8Array, at: number, expected: Uint8Array): number => {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return -1
  return at + expected.length
}

const afterDigits = (bytes: Uint8Array, at: number): number => {
  let i = at
  while (bytes[i]! >= 48 && bytes[i]! <= 57) i++
  return i === at || i - at > 15 || (bytes[at] === 48 && i - at > 1) ? -1 : i
}

const numberAt = (bytes: Uint8Array, from: number, to: number): number => {
  let number = 0
  for (let i = from; i < to; i++) number = number * 10 + bytes[i]! - 48
  return number
}

const [bracket, brace] = [93, 125]

/** The page if it is written the way ThingsBoard does. */
const readCompact = (bytes: Uint8Array): BytesPage | undefined => {
  const first = after(bytes, 0, head)
  const last = bytes.lastIndexOf(bracket)
  if (first < 0 || last < first) return undefined
  if (last === first ? false : bytes[first] !== 123 || bytes[last - 1] !== brace) return undefined
  const pagesFrom = after(bytes, last, totalPages)
  const pagesTo = pagesFrom < 0 ? -1 : afterDigits(bytes, pagesFrom)
  const elementsFrom = pagesTo < 0 ? -1 : after(bytes, pagesTo, totalElements)
  const elementsTo = elementsFrom < 0 ? -1 : afterDigits(bytes, elementsFrom)
  const flag = elementsTo < 0 ? -1 : after(bytes, elementsTo, hasNext)
  if (flag < 0) return undefined
  const more = after(bytes, flag, yes) === bytes.length
  if (!more && after(bytes, flag, no) !== bytes.length) return undefined
  return {
    items: bytes.subarray(first - 1, last + 1),
    totalPages: numberAt(bytes, pagesFrom, pagesTo),
    totalElements: numberAt(bytes, elementsFrom, elementsTo),
    hasNext: more
  }
}

const Numbers = Schema.Struct({
  data: Schema.Array(Schema.Unknown),
  totalPages: Schema.Int,
  totalElements: Schema.Int,
  hasNext: Schema.Boolean
})
const decodeNumbers = Schema.decodeUnknownOption(Schema.fromJsonString(Numbers))

/** The bytes of the last field `data`, which is the one that JSON.parse keeps. The text must be valid JSON. */
const findData = (bytes: Uint8Array): Uint8Array => {
  let data = bytes
  let i = expect(bytes, skipSpace(bytes, 0), 123)
  while (bytes[i] !== brace) {
    const nameEnd = endOfText(bytes, i)
    const from = expect(bytes, skipSpace(bytes, nameEnd), 58)
    const to = endOfValue(bytes, from)
    if (valueAt(bytes, i, nameEnd) === "data") data = bytes.subarray(from, to)
    i = skipSpace(bytes, to)
    if (bytes[i] === 44) i = skipSpace(bytes, i + 1)
  }
  return data
}

const parse = (bytes: Uint8Array): BytesPage | undefined => {
  try {
    const numbers = decodeNumbers(textAt(bytes, 0, bytes.length))
    if (Option.isNone(numbers)) return undefined
    const { data: _, ...rest } = numbers.value
    return { items: findData(bytes), ...rest }
  } catch {
    return undefined // not UTF-8
  }
}

export const scanPage = rememberByBytes((bytes): Effect.Effect<BytesPage, ThingsBoardError> => {
  const page = readCompact(bytes) ?? parse(bytes)
  return page === undefined ? Effect.fail(invalidResponse()) : Effect.succeed(page)
})
