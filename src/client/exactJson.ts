/** JSON in which integers beyond 2^53 keep their digits, as `bigint`. */
// Not JsonReader: it is made for bodies of megabytes on the server, and cannot run in browsers.
import { endOfText, endOfValue, expect, fail, ScanError, skipSpace, textAt, valueAt } from "../json/JsonScanner.ts"

/** The value of a point or an attribute. Integers that a `number` cannot hold exactly are `bigint`. */
export type ExactValue = null | boolean | number | bigint | string | ReadonlyArray<ExactValue> | { readonly [key: string]: ExactValue }

const [comma, colon, openList, closeList, open, close] = [44, 58, 91, 93, 123, 125]
const [minus, zero, nine] = [45, 48, 57]

/** An integer beyond 2^53 has at least 16 digits. Decimals often have as many. */
const longInteger = /(?<![.\d])\d{16,}(?![.\deE])/

const toNumber = (text: string): number | bigint => {
  const number = Number(text)
  return Number.isSafeInteger(number) || !/^-?\d+$/.test(text) ? number : BigInt(text)
}

const parseSlowly = (bytes: Uint8Array): ExactValue => {
  let at = skipSpace(bytes, 0)

  /** Reads from the opening bracket to the closing one. */
  const readParts = (opening: number, closing: number, readPart: () => void) => {
    at = expect(bytes, at, opening)
    for (let isFirst = true; bytes[at] !== closing; isFirst = false) {
      if (!isFirst) at = expect(bytes, at, comma)
      readPart()
      at = skipSpace(bytes, at)
    }
    at++
  }

  const read = (): ExactValue => {
    const first = bytes[at]!
    if (first === open) {
      const fields: Array<readonly [string, ExactValue]> = []
      readParts(open, close, () => {
        const end = endOfText(bytes, at)
        const name = valueAt(bytes, at, end) as string
        at = expect(bytes, skipSpace(bytes, end), colon)
        fields.push([name, read()])
      })
      return Object.fromEntries(fields)
    }
    if (first === openList) {
      const elements: Array<ExactValue> = []
      readParts(openList, closeList, () => elements.push(read()))
      return elements
    }
    const from = at
    at = endOfValue(bytes, from)
    return first === minus || (first >= zero && first <= nine)
      ? toNumber(textAt(bytes, from, at))
      : (valueAt(bytes, from, at) as ExactValue)
  }

  const value = read()
  at = skipSpace(bytes, at)
  return at === bytes.length ? value : fail(at)
}

/** Parses JSON. JSON.parse is many times faster, so it reads every text without a long integer. Throws a SyntaxError. */
export const parseExactly = (text: string): ExactValue => {
  if (!longInteger.test(text)) return JSON.parse(text)
  try {
    return parseSlowly(new TextEncoder().encode(text))
  } catch (error) {
    throw error instanceof ScanError ? new SyntaxError(error.message) : error
  }
}

export const hasBigInt = (value: unknown): boolean =>
  typeof value === "bigint" || (typeof value === "object" && value !== null && Object.values(value).some(hasBigInt))

/** Like JSON.stringify, and a `bigint` becomes an integer with all its digits. */
export const stringifyExactly = (value: unknown): string => {
  if (typeof value === "bigint") return value.toString()
  if (Array.isArray(value)) return `[${value.map((element) => (element === undefined ? "null" : stringifyExactly(element))).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${stringifyExactly(field)}`).join(",")}}`
}

/** The nearest number in place of each `bigint`. */
export const toNearestNumbers = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value)
  if (Array.isArray(value)) return value.map(toNearestNumbers)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toNearestNumbers(field)]))
}
