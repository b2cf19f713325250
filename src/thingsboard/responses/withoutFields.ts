import { Effect } from "effect"
import { endOfText, endOfValue, expect, fail, skipSpace, valueAt } from "../../json/JsonScanner.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"

const [comma, colon, openList, closeList, open, close] = [44, 58, 91, 93, 123, 125]

/** Copies the parts of the list that stay into `kept`: all bytes but those of the fields, each with one comma. */
const cut = (bytes: Uint8Array, names: ReadonlySet<string>): ReadonlyArray<Uint8Array> => {
  const kept: Array<Uint8Array> = []
  let copied = 0
  const drop = (from: number, to: number) => {
    kept.push(bytes.subarray(copied, from))
    copied = to
  }
  const skipEntity = (at: number): number => {
    let i = expect(bytes, at, open)
    let previousEnd = -1
    while (bytes[i] !== close) {
      if (previousEnd !== -1) i = expect(bytes, i, comma)
      const nameEnd = endOfText(bytes, i)
      const from = i
      const end = endOfValue(bytes, expect(bytes, skipSpace(bytes, nameEnd), colon))
      i = skipSpace(bytes, end)
      if (!names.has(valueAt(bytes, from, nameEnd) as string)) previousEnd = end
      else if (previousEnd !== -1) drop(previousEnd, end)
      else {
        // The first field: the comma behind it goes with it.
        if (bytes[i] === comma) i = skipSpace(bytes, i + 1)
        drop(from, i)
      }
    }
    return skipSpace(bytes, i + 1)
  }
  let i = expect(bytes, skipSpace(bytes, 0), openList)
  for (let first = true; bytes[i] !== closeList; first = false) i = skipEntity(first ? i : expect(bytes, i, comma))
  if (skipSpace(bytes, i + 1) !== bytes.length) fail(i)
  kept.push(bytes.subarray(copied))
  return kept
}

/** A list of entities without some of their fields; all other bytes stay as they are. */
export const withoutFields = (list: Uint8Array, names: ReadonlySet<string>): Effect.Effect<Uint8Array, ThingsBoardError> => {
  try {
    return Effect.succeed(Buffer.concat(cut(list, names)))
  } catch {
    return Effect.fail(invalidResponse())
  }
}
