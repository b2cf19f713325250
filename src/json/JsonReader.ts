/**
 * Walks a JSON body where it lies: no value is taken apart and put together again, and a member that is there twice is seen, of
 * which JSON.parse would keep the last without a word. Whatever is no JSON throws a ScanError.
 */
import { Effect } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { endOfText, endOfValue, expect, fail, ScanError, skipSpace, textAt, valueAt } from "./JsonScanner.ts"
import type { FieldErrors } from "../domain/FieldErrors.ts"

const [comma, colon, openList, closeList, open, close] = [44, 58, 91, 93, 123, 125]

/** Reads the value at a place and says where it ends. */
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

  /** The end of a value that is not looked into. */
  skip(at: number) {
    return endOfValue(this.bytes, at)
  }

  /** The value as it was sent. */
  textOf(at: number, end: number) {
    return textAt(this.bytes, at, end)
  }

  /** Members in their order, those that are there twice as well; returns the end of the object. */
  readFields(at: number, visit: Visit<string>): number {
    const b = this.bytes
    let i = expect(b, at, open)
    for (let first = true; first ? b[i] !== close : b[i] === comma; first = false) {
      if (!first) i = expect(b, i, comma)
      const end = endOfText(b, i)
      i = skipSpace(b, visit(nameAt(b, i, end), expect(b, skipSpace(b, end), colon)))
    }
    return b[i] === close ? i + 1 : fail(i)
  }

  /** Elements with their index; returns the end of the list. */
  readElements(at: number, visit: Visit<number>): number {
    const b = this.bytes
    let i = expect(b, at, openList)
    for (let n = 0; n === 0 ? b[i] !== closeList : b[i] === comma; n++) {
      if (n > 0) i = expect(b, i, comma)
      i = skipSpace(b, visit(n, i))
    }
    return b[i] === closeList ? i + 1 : fail(i)
  }

  /** The whole body as one value. */
  read(visit: (at: number) => number) {
    const end = skipSpace(this.bytes, visit(skipSpace(this.bytes, 0)))
    if (end !== this.bytes.length) fail(end)
  }
}

/** The names of a point, by far the most frequent ones, are known by their bytes. */
const nameAt = (b: Uint8Array, at: number, end: number): string => {
  if (end - at === 4 && b[at + 1] === 116 && b[at + 2] === 115) return "ts"
  if (end - at === 7 && b[at + 1] === 118 && b[at + 2] === 97 && b[at + 3] === 108 && b[at + 4] === 117 && b[at + 5] === 101) return "value"
  return valueAt(b, at, end) as string
}

const notJson = ({ message }: ScanError) => new InvalidInput({ errors: [{ field: "body", issue: `Expected valid JSON: ${message}` }] })

/** Walks a body and gives what was read, or all that is wrong with it. */
export const readJson = <A>(body: JsonReader, faults: FieldErrors, read: (body: JsonReader) => A): Effect.Effect<A, InvalidInput> =>
  Effect.suspend(() => {
    try {
      const found = read(body)
      return faults.isEmpty ? Effect.succeed(found) : Effect.fail(new InvalidInput({ errors: faults.all }))
    } catch (error) {
      if (error instanceof ScanError) return Effect.fail(notJson(error))
      throw error
    }
  })
