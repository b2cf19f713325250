import { Effect } from "effect"
import { type IsTurnOver, never, runAtOnce, type Steps } from "../../domain/Steps.ts"
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

/** Attributes between two looks at the clock. */
const perLook = 64

/**
 * Reads `[{"lastUpdateTs":…,"key":"…","value":…},…]`. If no scope was requested, a key that several scopes have occurs several times.
 */
export function* readAttributeList(bytes: Uint8Array, isTurnOver: IsTurnOver): Steps<ReadonlyArray<AttributeBytes>> {
  const attributes: Array<AttributeBytes> = []
  let i = expect(bytes, skipSpace(bytes, 0), openList)
  while (bytes[i] !== closeList) {
    if (attributes.length > 0) i = expect(bytes, i, comma)
    if (attributes.length % perLook === perLook - 1 && isTurnOver()) yield
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

/** Like `readAttributeList`, at once. */
export const scanAttributes = (bytes: Uint8Array): Effect.Effect<ReadonlyArray<AttributeBytes>, ThingsBoardError> => {
  try {
    return Effect.succeed(runAtOnce(readAttributeList(bytes, never)))
  } catch {
    return Effect.fail(invalidResponse())
  }
}
