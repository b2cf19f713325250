/**
 * Reads a JSON body in place: values keep their digits, since none is parsed and printed again, and a field that occurs twice is seen,
 * where JSON.parse would silently keep the last one. Invalid JSON throws a ScanError.
 *
 * This folder reads JSON as bytes, and knows nothing about ThingsBoard.
 */
import { Effect } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { endOfText, endOfValue, expect, fail, ScanError, skipSpace, textAt, valueAt } from "./JsonScanner.ts"
import type { FieldErrors } from "../domain/FieldErrors.ts"

const [comma, colon, openList, closeList, open, close] = [44, 58, 91, 93, 123, 125]

/** Reads the value at a byte offset, and returns the offset of its end. */
export type Visit<Name> = (name: Name, at: number) => number

export class JsonReader {
  readonly bytes: Uint8Array
  constructor(body: string | Uint8Array) {
    this.bytes = typeof body === "string" ? Buffer.from(body) : body
  }

  isObject(at: number) {
    return this.bytes[at] === open
  }

  isList(at: number) {
    return this.bytes[at] === openList
  }

  /** Returns the end of a value without reading it. Objects and arrays are still checked to be valid JSON. */
  skip(at: number) {
    return endOfValue(this.bytes, at)
  }

  /** The text of a value, exactly as it was sent. */
  textOf(at: number, end: number) {
    return textAt(this.bytes, at, end)
  }

  /** Visits the fields of an object in their order, duplicates included. Returns the end of the object. */
  readFields(at: number, visit: Visit<string>): number {
    const b = this.bytes
    let i = expect(b, at, open)
    for (let first = true; first ? b[i] !== close : b[i] === comma; first = false) {
      if (!first) i = expect(b, i, comma)
      const end = endOfText(b, i)
      i = skipSpace(b, visit(readName(b, i, end), expect(b, skipSpace(b, end), colon)))
    }
    return b[i] === close ? i + 1 : fail(i)
  }

  /** Visits the elements of an array, with their index. Returns the end of the array. */
  readElements(at: number, visit: Visit<number>): number {
    const b = this.bytes
    let i = expect(b, at, openList)
    for (let n = 0; n === 0 ? b[i] !== closeList : b[i] === comma; n++) {
      if (n > 0) i = expect(b, i, comma)
      i = skipSpace(b, visit(n, i))
    }
    return b[i] === closeList ? i + 1 : fail(i)
  }

  /** Reads the body, which must consist of one value. */
  read(visit: (at: number) => number) {
    const end = skipSpace(this.bytes, visit(skipSpace(this.bytes, 0)))
    if (end !== this.bytes.length) fail(end)
  }
}

/** The field names of a point are by far the most frequent ones, so they are recognized by their bytes. */
const readName = (b: Uint8Array, at: number, end: number): string => {
  if (end - at === 4 && b[at + 1] === 116 && b[at + 2] === 115) return "ts"
  if (end - at === 7 && b[at + 1] === 118 && b[at + 2] === 97 && b[at + 3] === 108 && b[at + 4] === 117 && b[at + 5] === 101) return "value"
  return valueAt(b, at, end) as string
}

const notJson = ({ message }: ScanError) => new InvalidInput({ errors: [{ field: "body", issue: `Expected valid JSON: ${message}` }] })

/** Reads a body. Fails with all of its errors, which `read` adds to `errors`. */
export const readJson = <A>(body: JsonReader, errors: FieldErrors, read: (body: JsonReader) => A): Effect.Effect<A, InvalidInput> =>
  Effect.suspend(() => {
    try {
      const found = read(body)
      return errors.isEmpty ? Effect.succeed(found) : Effect.fail(new InvalidInput({ errors: errors.all }))
    } catch (error) {
      if (error instanceof ScanError) return Effect.fail(notJson(error))
      throw error
    }
  })
