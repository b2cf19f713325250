import { Effect, Layer } from "effect"
import { Settings } from "../config/Settings.ts"
import { ApiKeys } from "../services/ApiKeys.ts"
import { Identities } from "../thingsboard/Identities.ts"
import { Ailment, Skipped } from "./Check.ts"

/** The file of keys can be read, and the ThingsBoard users of keys can log in. */
export const keysUsable = Effect.gen(function* () {
  const { apiKeysFile } = yield* Settings
  if (apiKeysFile === undefined) return yield* new Skipped({ detail: "no API_KEYS_FILE" })
  const services = yield* Layer.build(ApiKeys.layer).pipe(
    Effect.mapError(
      ({ message }) => new Ailment({ detail: message, hint: "A gateway that runs keeps the keys that it has; another does not start." })
    )
  )
  return yield* Effect.gen(function* () {
    const keys = (yield* ApiKeys).all()
    const identities = yield* Identities
    for (const { id, thingsBoard } of keys) {
      if (thingsBoard === undefined) continue
      const acting = yield* identities.of(thingsBoard)
      if (acting === undefined) continue // the gateway's own user, who has a check of its own
      yield* Effect.mapError(
        acting.identity,
        ({ message }) =>
          new Ailment({
            detail: `no session for the ThingsBoard user of key ${id}: ${message}`,
            hint: "Is its password or API key right, and the user enabled? Other keys are not concerned."
          })
      )
    }
    return keys.length === 1 ? "one key" : `${keys.length} keys`
  }).pipe(Effect.provide(services))
}).pipe(Effect.scoped)
