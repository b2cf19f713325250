import { Effect, Option, Schema } from "effect"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ id: Schema.Struct({ id: Schema.String }) })))

/**
 * The bytes themselves, once seen to be JSON as a whole and the entity that was asked for: an error that came with status 200 is not
 * passed on. For single entities; a list is too long for it.
 */
export const scanEntity =
  (id: string) =>
  (bytes: Uint8Array): Effect.Effect<Uint8Array, ThingsBoardError> => {
    const found = decode(new TextDecoder().decode(bytes))
    return Option.isSome(found) && found.value.id.id.toLowerCase() === id.toLowerCase()
      ? Effect.succeed(bytes)
      : Effect.fail(invalidResponse())
  }
