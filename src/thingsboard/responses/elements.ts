/**
 * Reads the arrays of large responses in steps, one element after the other. To decode a page of a thousand entities with many values, or
 * the forty thousand relations of a hub, as a whole would take longer than a turn of the event loop may last.
 */
import { Option, Schema } from "effect"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { ElementCursor, FieldCursor } from "../../json/JsonReader.ts"
import { endOfValue, fail, skipSpace, skipUnchecked, valueAt } from "../../json/JsonScanner.ts"

type Decode<A> = (json: unknown) => Option.Option<A>

/** Elements between two looks at the clock. */
const perLook = 8

function* readElements<A>(
  bytes: Uint8Array,
  at: number,
  decode: Decode<A>,
  isTurnOver: IsTurnOver
): Steps<readonly [elements: ReadonlyArray<A>, end: number]> {
  const elements = new ElementCursor(bytes, at)
  const found: Array<A> = []
  while (elements.next()) {
    if (elements.count % perLook === 0 && isTurnOver()) yield
    elements.end = skipUnchecked(bytes, elements.at)
    const element = decode(valueAt(bytes, elements.at, elements.end))
    if (Option.isNone(element)) return fail(elements.at)
    found.push(element.value)
  }
  return [found, elements.end]
}

const requireEnd = (bytes: Uint8Array, at: number) => {
  const end = skipSpace(bytes, at)
  if (end !== bytes.length) fail(end)
}

/** Reads a response that is an array. */
export const listReader = <S extends Schema.Codec<unknown, unknown>>(element: S) => {
  const decode = Schema.decodeUnknownOption(element as Schema.Codec<S["Type"], S["Encoded"]>)
  return function* (bytes: Uint8Array, isTurnOver: IsTurnOver): Steps<ReadonlyArray<S["Type"]>> {
    const [found, end] = yield* readElements(bytes, skipSpace(bytes, 0), decode, isTurnOver)
    requireEnd(bytes, end)
    return found
  }
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
