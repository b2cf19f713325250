/**
 * Reads a JSON body in place: values keep their digits, since none is parsed and printed again, and a field that occurs twice is seen,
 * where JSON.parse would silently keep the last one. Invalid JSON throws a ScanError.
 *
 * This folder reads JSON as bytes, and knows nothing about ThingsBoard.
 */
import { type IsTurnOver, never, runAtOnce, type Steps } from "../domain/Steps.ts"
import { InvalidInput } from "../domain/Errors.ts"
import { type FieldErrors, ReadingStopped } from "../domain/FieldErrors.ts"
import { endOfText, expect, fail, ScanError, skipSpace, skipUnchecked, textAt, valueAt } from "./JsonScanner.ts"
import { checkLargeValue, findLargeValues } from "./largeValues.ts"

const [comma, colon, openList, closeList, open, close] = [44, 58, 91, 93, 123, 125]

/** Reads the value at a byte offset, and returns the offset of its end. */
export type Visit<Name> = (name: Name, at: number) => number

/** The field names of a point are by far the most frequent ones, so they are recognized by their bytes. */
const readName = (b: Uint8Array, at: number, end: number): string => {
  if (end - at === 4 && b[at + 1] === 116 && b[at + 2] === 115) return "ts"
  if (end - at === 7 && b[at + 1] === 118 && b[at + 2] === 97 && b[at + 3] === 108 && b[at + 4] === 117 && b[at + 5] === 101) return "value"
  return valueAt(b, at, end) as string
}

/** The fields of an object in their order, duplicates included: `while (fields.next()) fields.end = …`, with the end of the value. */
export class FieldCursor {
  name = ""
  /** The offset of the field's value. */
  at = 0
  /** The end of the value; after the last field, the end of the object. */
  end: number
  private isFirst = true
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.end = expect(bytes, at, open)
  }

  next(): boolean {
    const b = this.bytes
    let i = skipSpace(b, this.end)
    if (this.isFirst ? b[i] === close : b[i] !== comma) {
      this.end = b[i] === close ? i + 1 : fail(i)
      return false
    }
    if (!this.isFirst) i = expect(b, i, comma)
    this.isFirst = false
    const nameEnd = endOfText(b, i)
    this.name = readName(b, i, nameEnd)
    this.at = expect(b, skipSpace(b, nameEnd), colon)
    return true
  }
}

/** The elements of an array, like `FieldCursor`. */
export class ElementCursor {
  at = 0
  end: number
  /** Elements so far. */
  count = 0
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.end = expect(bytes, at, openList)
  }

  next(): boolean {
    const b = this.bytes
    const i = skipSpace(b, this.end)
    if (this.count === 0 ? b[i] === closeList : b[i] !== comma) {
      this.end = b[i] === closeList ? i + 1 : fail(i)
      return false
    }
    this.at = this.count === 0 ? i : expect(b, i, comma)
    this.count++
    return true
  }

  /** Whether another element follows. */
  get hasMore(): boolean {
    return this.bytes[skipSpace(this.bytes, this.end)] === comma
  }
}

/** Smaller bodies are read in one turn, and without any of what it costs to give it up. */
export const largeBody = 64 * 1024

/** Bytes. JSON.parse also makes an object of what it checks, so that scanning a long value is faster. */
const maxParsed = 4 * 1024

const noLargeValues: ReadonlyMap<number, number> = new Map()

export class JsonReader {
  readonly bytes: Uint8Array
  /** Whether reading should yield; never for a small body. */
  readonly isTurnOver: IsTurnOver
  private largeValues = noLargeValues

  constructor(body: string | Uint8Array, isTurnOver: IsTurnOver = never) {
    this.bytes = typeof body === "string" ? Buffer.from(body) : body
    this.isTurnOver = this.isLarge ? isTurnOver : never
  }

  get isLarge() {
    return this.bytes.length >= largeBody
  }

  /** Finds the large values of a large body, so that `skip` and `isLargeValue` know them. */
  *prepare(): Steps<void> {
    if (this.isLarge) this.largeValues = yield* findLargeValues(this.bytes, largeBody, this.isTurnOver)
  }

  isObject(at: number) {
    return this.bytes[at] === open
  }

  isList(at: number) {
    return this.bytes[at] === openList
  }

  /**
   * Returns the end of a value without reading it. Objects and arrays are still checked to be valid JSON, except large ones: whoever
   * accepts one checks it with `readLargeValue`.
   */
  skip(at: number) {
    const known = this.largeValues.size > 0 ? this.largeValues.get(at) : undefined
    if (known !== undefined) return known
    const end = skipUnchecked(this.bytes, at)
    if (this.isObject(at) || this.isList(at)) {
      if (end - at < maxParsed) valueAt(this.bytes, at, end)
      else runAtOnce(checkLargeValue(this.bytes, at, undefined, never))
    }
    return end
  }

  /** The text of a value, exactly as it was sent. */
  textOf(at: number, end: number) {
    return textAt(this.bytes, at, end)
  }

  fields(at: number) {
    return new FieldCursor(this.bytes, at)
  }

  elements(at: number) {
    return new ElementCursor(this.bytes, at)
  }

  /** Visits the fields of an object in their order, duplicates included. Returns the end of the object. */
  readFields(at: number, visit: Visit<string>): number {
    const fields = this.fields(at)
    while (fields.next()) fields.end = visit(fields.name, fields.at)
    return fields.end
  }

  /** Visits the elements of an array, with their index. Returns the end of the array. */
  readElements(at: number, visit: Visit<number>): number {
    const elements = this.elements(at)
    while (elements.next()) elements.end = visit(elements.count - 1, elements.at)
    return elements.end
  }

  /** The offset of the body's one value. */
  get start() {
    return skipSpace(this.bytes, 0)
  }

  /** Checks that nothing follows the body's one value. */
  requireEnd(at: number) {
    const end = skipSpace(this.bytes, at)
    if (end !== this.bytes.length) fail(end)
  }

  /** Reads the body, which must consist of one value. */
  read(visit: (at: number) => number) {
    this.requireEnd(visit(this.start))
  }
}

const notJson = ({ message }: ScanError) => new InvalidInput({ errors: [{ field: "body", issue: `Expected valid JSON: ${message}` }] })

/**
 * Reads a body. Returns what `read` returns, or all of its errors, which `read` adds to `errors`. `read` gets the offset of the body's one
 * value, and calls `found` with its result and the end of the value.
 */
export function* readJson<A>(
  body: JsonReader,
  errors: FieldErrors,
  read: (at: number) => Steps<readonly [found: A, end: number]>
): Steps<A | InvalidInput> {
  try {
    yield* body.prepare()
    const [found, end] = yield* read(body.start)
    body.requireEnd(end)
    if (errors.isEmpty) return found
  } catch (error) {
    if (error instanceof ScanError) return notJson(error)
    if (!(error instanceof ReadingStopped)) throw error
  }
  return new InvalidInput({ errors: errors.all, ...(errors.summary === undefined ? {} : { summary: errors.summary }) })
}
