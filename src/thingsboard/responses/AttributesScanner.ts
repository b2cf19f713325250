import { Effect } from "effect"
import { endOfText, endOfValue, expect, fail, skipSpace, textAt, valueAt } from "../../json/JsonScanner.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"

/** An attribute whose value is the JSON that ThingsBoard sent. */
export interface AttributeBytes {
  readonly key: string
  readonly value: Uint8Array
  /** Epoch ms. */
  readonly lastUpdateTs: number
}

const [comma, colon, open, close, openList, closeList] = [44, 58, 123, 125, 91, 93]

const readAll = (bytes: Uint8Array): ReadonlyArray<AttributeBytes> => {
  const attributes: Array<AttributeBytes> = []
  let i = expect(bytes, skipSpace(bytes, 0), openList)
  while (bytes[i] !== closeList) {
    if (attributes.length > 0) i = expect(bytes, i, comma)
    let key: unknown
    let lastUpdateTs: unknown
    let value: Uint8Array | undefined
    i = expect(bytes, i, open)
    for (let first = true; first || bytes[i] !== close; first = false) {
      if (!first) i = expect(bytes, i, comma)
      const nameEnd = endOfText(bytes, i)
      const name = valueAt(bytes, i, nameEnd)
      i = expect(bytes, skipSpace(bytes, nameEnd), colon)
      const end = endOfValue(bytes, i)
      if (name === "key") key = valueAt(bytes, i, end)
      else if (name === "lastUpdateTs") lastUpdateTs = valueAt(bytes, i, end)
      else if (name === "value") {
        value = bytes.subarray(i, end)
        textAt(bytes, i, end) // throws if it is not UTF-8
      }
      i = skipSpace(bytes, end)
    }
    if (typeof key !== "string" || typeof lastUpdateTs !== "number" || !Number.isSafeInteger(lastUpdateTs) || value === undefined)
      return fail(i)
    attributes.push({ key, value, lastUpdateTs })
    i = skipSpace(bytes, i + 1)
  }
  return skipSpace(bytes, i + 1) === bytes.length ? attributes : fail(i)
}

/**
 * Reads `[{"lastUpdateTs":…,"key":"…","value":…},…]`. If no scope was requested, a key that several scopes have occurs several times.
 */
export const scanAttributes = (bytes: Uint8Array): Effect.Effect<ReadonlyArray<AttributeBytes>, ThingsBoardError> => {
  try {
    return Effect.succeed(readAll(bytes))
  } catch {
    return Effect.fail(invalidResponse())
  }
}
