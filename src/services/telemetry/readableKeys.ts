/**
 * Which keys can be read. ThingsBoard before 4.3.1.1 cannot read the history of keys with commas: requests that name such a key are invalid
 * there, and exports of all keys leave it out, so that one device's key does not break the export of others.
 */
import { Effect } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"
import { needsRepeatedKey } from "../../thingsboard/Paths.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"

export interface ReadableKeys {
  readonly keys: ReadonlyArray<string>
  /** Keys that this release of ThingsBoard cannot read. */
  readonly skipped: ReadonlyArray<string>
}

const hasComma = (key: string) => needsRepeatedKey([key])

/** Rejects keys that a request names but that cannot be read. `field` is where it names them. */
export const requireReadable = (
  thingsBoard: ThingsBoardShape,
  keys: ReadonlyArray<string>,
  field: "key" | "keys"
): Effect.Effect<void, InvalidInput | ThingsBoardError> =>
  keys.some(hasComma)
    ? Effect.flatMap(thingsBoard.readsKeysWithCommas, (isSupported) =>
        isSupported
          ? Effect.void
          : Effect.fail(
              new InvalidInput({
                errors: [{ field, issue: "Expected keys without commas: ThingsBoard before 4.3.1.1 cannot read others" }]
              })
            )
      )
    : Effect.void

/** Divides all keys of a device. */
export const divideKeys = (thingsBoard: ThingsBoardShape, keys: ReadonlyArray<string>): Effect.Effect<ReadableKeys, ThingsBoardError> =>
  keys.some(hasComma)
    ? Effect.map(thingsBoard.readsKeysWithCommas, (isSupported) =>
        isSupported ? { keys, skipped: [] } : { keys: keys.filter((key) => !hasComma(key)), skipped: keys.filter(hasComma) }
      )
    : Effect.succeed({ keys, skipped: [] })

/** The requested keys that have values: reading a key that does not exist makes ThingsBoard add it to its dictionary. */
export const existingKeys = (requested: ReadonlyArray<string>, existing: ReadonlyArray<string>): ReadonlyArray<string> => {
  const names = new Set(existing)
  return requested.filter((key) => names.has(key))
}
