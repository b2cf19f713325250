import { Effect, type Scope } from "effect"
import type { ApiKey } from "../../apikeys/ApiKeys.ts"
import type { UserSessions } from "../../thingsboard/UserSessions.ts"
import { contextOfKey } from "../access/contextOfKey.ts"

/** Runs an effect with the visibility of a key that was accepted earlier, and as its ThingsBoard user. The scope keeps the user's session. */
export const asKey = <A, E, R>(
  key: ApiKey,
  sessions: UserSessions["Service"],
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Scope.Scope> => Effect.flatMap(contextOfKey(key, sessions), (context) => Effect.provideContext(effect, context))
