/**
 * Reads the arrays of large responses in steps, a few elements after the other. To decode a page of a thousand entities with many values, or
 * the forty thousand relations of a hub, as a whole would take longer than a turn of the event loop may last.
 */
import { Option, Schema } from "effect"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { ElementCursor, FieldCursor } from "../../json/JsonReader.ts"
import { endOfValue, fail, skipSpace, skipUnchecked, valueAt, valuesAt } from "../../json/JsonScanner.ts"

type Decode<A> = (json: unknown) => Option.Option<A>

/** Elements that are parsed at once. To parse each by itself takes twice as long. */
const maxParsedElements = 32
/** Bytes after which elements are parsed, even if they are few. */
const maxParsedBytes = 32 * 1024

function* readElements<A>(
  bytes: Uint8Array,
  at: number,
  decode: Decode<A>,
  isTurnOver: IsTurnOver
): Steps<readonly [elements: ReadonlyArray<A>, end: number]> {
  const elements = new ElementCursor(bytes, at)
  const found: Array<A> = []
  while (elements.next()) {
    if (isTurnOver()) yield
    const from = elements.at
    elements.end = skipUnchecked(bytes, from)
    for (let n = 1; n < maxParsedElements && elements.end - from < maxParsedBytes && elements.hasMore; n++) {
      elements.next()
      elements.end = skipUnchecked(bytes, elements.at)
    }
    for (const json of valuesAt(bytes, from, elements.end)) {
      const element = decode(json)
      if (Option.isNone(element)) return fail(from)
      found.push(element.value)
    }
  }
  return [found, elements.end]
}

const requireEnd = (bytes: Uint8Array, at: number) => {
  const end = skipSpace(bytes, at)
  if (end !== bytes.length) fail(end)
}

/** Reads a response that is an array. */
export function* readList<A>(bytes: Uint8Array, decode: Decode<A>, isTurnOver: IsTurnOver): Steps<ReadonlyArray<A>> {
  const [found, end] = yield* readElements(bytes, skipSpace(bytes, 0), decode, isTurnOver)
  requireEnd(bytes, end)
  return found
}

export interface DecodedPage<A> {
  readonly data: ReadonlyArray<A>
  readonly hasNext: boolean
  /** How many elements there are on all pages, as far as the response says. */
  readonly total: number | undefined
}

/**
 * Reads a page: `{"data":[…],"totalPages":n,"totalElements":n,"hasNext":b}`. Elements that `isElement` recognizes are taken as they are, with
 * fields that the schema does not have: it may be faster than the schema, which decides about all others.
 */
export const pageReader = <S extends Schema.Codec<unknown, unknown>>(element: S, isElement: (json: unknown) => json is S["Type"]) => {
  const decodeBySchema = Schema.decodeUnknownOption(element as Schema.Codec<S["Type"], S["Encoded"]>)
  const decode: Decode<S["Type"]> = (json) => (isElement(json) ? Option.some(json) : decodeBySchema(json))
  return function* (bytes: Uint8Array, isTurnOver: IsTurnOver): Steps<DecodedPage<S["Type"]>> {
    let data: ReadonlyArray<S["Type"]> | undefined
    let hasNext: unknown
    let total: unknown
    const fields = new FieldCursor(bytes, skipSpace(bytes, 0))
    while (fields.next()) {
      if (fields.name === "data") [data, fields.end] = yield* readElements(bytes, fields.at, decode, isTurnOver)
      else {
        fields.end = endOfValue(bytes, fields.at)
        if (fields.name === "hasNext") hasNext = valueAt(bytes, fields.at, fields.end)
        if (fields.name === "totalElements") total = valueAt(bytes, fields.at, fields.end)
      }
    }
    requireEnd(bytes, fields.end)
    return data !== undefined && typeof hasNext === "boolean"
      ? { data, hasNext, total: typeof total === "number" ? total : undefined }
      : fail(0)
  }
}
