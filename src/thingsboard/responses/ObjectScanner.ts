import { Effect, Option, Schema } from "effect"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ id: Schema.Struct({ id: Schema.String }) })))

/**
 * The bytes themselves, after checking that they are complete JSON of the requested entity, so that an error with status 200 is not passed
 * on. For single entities: parsing a whole list would take too long.
 */
export const scanEntity =
  (id: string) =>
  (bytes: Uint8Array): Effect.Effect<Uint8Array, ThingsBoardError> => {
    const found = decode(new TextDecoder().decode(bytes))
    return Option.isSome(found) && found.value.id.id.toLowerCase() === id.toLowerCase()
      ? Effect.succeed(bytes)
      : Effect.fail(invalidResponse())
  }
