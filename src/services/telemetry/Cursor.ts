/** Where a walk over pages stands. Clients get it as one opaque word and give it back as it was. */
import { Effect, Option, Schema } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"
import type { TimeRange } from "../../domain/Telemetry.ts"
import { sha256 } from "../../platform/Digest.ts"

export interface Cursor {
  /** Frozen by the first page, so that new points do not move the pages. */
  readonly range: TimeRange
  /** What is left of the range for each key, null for keys that are done: where it begins in ascending order, where it ends in descending. */
  readonly positions: ReadonlyArray<number | null>
}

const version = 1
const checkLength = 12

const Parts = Schema.fromJsonString(
  Schema.Tuple([Schema.Literal(version), Schema.Int, Schema.Int, Schema.Array(Schema.NullOr(Schema.Int))])
)
const decode = Schema.decodeUnknownOption(Parts)

/** Ties the word to the query that it was made for, and shows when it was changed. It guards against slips; it is no secret. */
const checkOf = (query: string, parts: string) => sha256(`${query}\n${parts}`).toString("hex").slice(0, checkLength)

/** `query` is what all pages must have in common. */
export const encodeCursor = (query: string, { positions, range }: Cursor): string => {
  const parts = JSON.stringify([version, range.start, range.end, positions])
  return Buffer.from(checkOf(query, parts) + parts).toString("base64url")
}

/** Fails for what `printCursor` did not make for the same query. */
export const decodeCursor = (query: string, word: string): Effect.Effect<Cursor, InvalidInput> => {
  const text = Buffer.from(word, "base64url").toString()
  const parts = text.slice(checkLength)
  const fits = Buffer.from(text).toString("base64url") === word && text.slice(0, checkLength) === checkOf(query, parts)
  return Option.match(fits ? decode(parts) : Option.none(), {
    onNone: () =>
      Effect.fail(
        new InvalidInput({ errors: [{ field: "cursor", issue: "Expected next_cursor of the page before, with the same query" }] })
      ),
    onSome: ([, start, end, positions]) => Effect.succeed({ range: { start, end }, positions })
  })
}
