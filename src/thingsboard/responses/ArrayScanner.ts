import { Effect } from "effect"
import { endOfValue, expect, fail, skipSpace, valueAt } from "../../json/JsonScanner.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"

const [comma, opening, closing] = [44, 91, 93]

const split = (bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  const elements: Array<Uint8Array> = []
  let i = expect(bytes, skipSpace(bytes, 0), opening)
  while (bytes[i] !== closing) {
    if (elements.length > 0) i = expect(bytes, i, comma)
    const end = endOfValue(bytes, i)
    elements.push(bytes.subarray(i, end))
    i = skipSpace(bytes, end)
  }
  return skipSpace(bytes, i + 1) === bytes.length ? elements : fail(i)
}

/** Splits a JSON array into the bytes of its elements. */
export const scanArray = (bytes: Uint8Array): Effect.Effect<ReadonlyArray<Uint8Array>, ThingsBoardError> =>
  Effect.try({ try: () => split(bytes), catch: () => invalidResponse() })

/** An element as a value, for reading it only: printing it again could change its numbers. */
export const parseElement = (element: Uint8Array): unknown => valueAt(element, 0, element.length)
