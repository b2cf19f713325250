import { Effect } from "effect"
import type { ThingsBoardError } from "./ThingsBoardError.ts"

/** The given value when an entity does not exist, or when ThingsBoard's user may not see it. */
export const orIfNotFound =
  <B>(none: B) =>
  <A>(read: Effect.Effect<A, ThingsBoardError>): Effect.Effect<A | B, ThingsBoardError> =>
    Effect.catchIf(
      read,
      ({ reason }) => reason._tag === "NotFound" || reason._tag === "Forbidden",
      () => Effect.succeed(none)
    )
