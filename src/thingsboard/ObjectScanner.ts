import { Effect, Option, Schema } from "effect"
import { badAnswer, type ThingsBoardError } from "./ThingsBoardError.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** The bytes themselves, once seen to be a JSON object as a whole. For single entities; a list is too long for it. */
export const scanObject = (bytes: Uint8Array): Effect.Effect<Uint8Array, ThingsBoardError> =>
  Option.isNone(decode(new TextDecoder().decode(bytes))) ? Effect.fail(badAnswer()) : Effect.succeed(bytes)
