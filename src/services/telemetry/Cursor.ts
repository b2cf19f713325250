/** The position of a client that reads pages. Clients receive it as an opaque string and send it back unchanged. */
import { Effect, Option, Schema } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"
import type { TimeRange } from "../../domain/Telemetry.ts"
import { sha256Hex } from "../../platform/Digest.ts"

export interface Cursor {
  /** Fixed by the first page, so that new points do not shift the following pages. */
  readonly range: TimeRange
  /**
   * For each key where the unread part of the range begins (in ascending order) or ends (in descending order); null for keys that were read
   * to the end.
   */
  readonly positions: ReadonlyArray<number | null>
  /** The indexes of the keys that had no values when the first page was read. */
  readonly missing: ReadonlyArray<number>
}

const version = 2
const checksumLength = 12

const Parts = Schema.fromJsonString(
  Schema.Tuple([Schema.Literal(version), Schema.Int, Schema.Int, Schema.Array(Schema.Int), Schema.Array(Schema.NullOr(Schema.Int))])
)
const decode = Schema.decodeUnknownOption(Parts)

/** Binds the cursor to its query and detects changes. It protects against mistakes, not against attackers. */
const checksumOf = (query: string, parts: string) => sha256Hex(`${query}\n${parts}`).slice(0, checksumLength)

/** `query` is everything that the requests for all pages have in common. */
export const encodeCursor = (query: string, { missing, positions, range }: Cursor): string => {
  const parts = JSON.stringify([version, range.start, range.end, missing, positions])
  return Buffer.from(checksumOf(query, parts) + parts).toString("base64url")
}

/** Fails unless `encodeCursor` made the cursor for the same query. */
export const decodeCursor = (query: string, encoded: string): Effect.Effect<Cursor, InvalidInput> => {
  const text = Buffer.from(encoded, "base64url").toString()
  const parts = text.slice(checksumLength)
  const isValid = Buffer.from(text).toString("base64url") === encoded && text.slice(0, checksumLength) === checksumOf(query, parts)
  return Option.match(isValid ? decode(parts) : Option.none(), {
    onNone: () =>
      Effect.fail(
        new InvalidInput({ errors: [{ field: "cursor", issue: "Expected next_cursor of the previous page, with the same query" }] })
      ),
    onSome: ([, start, end, missing, positions]) => Effect.succeed({ range: { start, end }, missing, positions })
  })
}
