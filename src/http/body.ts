/** Bodies that are read as they came, because parsing would lose digits, or because they have no end. */
import { Effect, Schema, Stream } from "effect"
import type { HttpServerRequest } from "effect/http"
import { InvalidRequest, PayloadTooLarge, UnsupportedMediaType } from "../api/Problems.ts"
import { refuse } from "./refuse.ts"

const mediaType = (request: HttpServerRequest.HttpServerRequest) =>
  (request.headers["content-type"] ?? "application/json").split(";", 1)[0]!.trim().toLowerCase()

export type BodyKind = "json" | "csv" | "ndjson"

const kinds: Record<string, BodyKind> = {
  "application/json": "json",
  "text/csv": "csv",
  "application/csv": "csv",
  "application/x-ndjson": "ndjson",
  "application/jsonl": "ndjson",
  "application/json-lines": "ndjson"
}

const named = { json: ["application/json"], csv: ["text/csv"], ndjson: ["application/x-ndjson"] } as const

/** What the body is, by its Content-Type; a body without one is taken for JSON. */
export const kindOf = <const K extends BodyKind>(
  request: HttpServerRequest.HttpServerRequest,
  taken: ReadonlyArray<K>
): Effect.Effect<K, UnsupportedMediaType> => {
  const type = mediaType(request)
  const kind = kinds[type] ?? (type.endsWith("+json") ? "json" : undefined)
  if (kind !== undefined && (taken as ReadonlyArray<BodyKind>).includes(kind)) return Effect.succeed(kind as K)
  const accepted = taken.flatMap((one) => named[one])
  return refuse(
    `This path takes a body of ${accepted.join(", ")}.`,
    (common) => new UnsupportedMediaType({ ...common, details: { accepted } })
  )
}

const tooLarge = (most: number) =>
  refuse(
    `The body is larger than ${most} bytes (MAX_BODY_SIZE).`,
    (common) => new PayloadTooLarge({ ...common, details: { max_bytes: most } })
  )

const unreadable = refuse("The body could not be read to its end.", (common) => {
  return new InvalidRequest({ ...common, details: { errors: [{ field: "body", issue: "Expected a whole body of UTF-8 text" }] } })
})

const decoder = new TextDecoder("utf-8", { fatal: true })

class TooMuch extends Schema.TaggedError<TooMuch>()("TooMuch", {}) {}
class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", {}) {}

const readBytes = Effect.fnUntraced(function* (body: Stream.Stream<Uint8Array, unknown>, most: number) {
  const parts: Array<Uint8Array> = []
  let size = 0
  yield* body.pipe(
    Stream.mapError(() => new Unreadable()),
    Stream.runForEach((part) => {
      parts.push(part)
      size += part.length
      return size > most ? Effect.fail(new TooMuch()) : Effect.void
    })
  )
  return yield* Effect.try({ try: () => decoder.decode(Buffer.concat(parts)), catch: () => new Unreadable() })
})

/** The whole body as text, at most `most` bytes of it. */
export const readText = (
  request: HttpServerRequest.HttpServerRequest,
  most: number
): Effect.Effect<string, InvalidRequest | PayloadTooLarge> =>
  Number(request.headers["content-length"] ?? 0) > most
    ? tooLarge(most)
    : Effect.catchTags(readBytes(request.stream, most), { TooMuch: () => tooLarge(most), Unreadable: () => unreadable })
