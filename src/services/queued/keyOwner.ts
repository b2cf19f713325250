import { Context, Effect, type Scope } from "effect"
import type { ApiKey } from "../../apikeys/ApiKeys.ts"
import { CurrentThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { UserSessions } from "../../thingsboard/UserSessions.ts"
import { CurrentVisibility } from "../access/CurrentVisibility.ts"

/** Runs an effect with the visibility of a key that was accepted earlier, and as its ThingsBoard user. The scope keeps the user's session. */
export const asKey = <A, E, R>(
  { devices, thingsBoard }: ApiKey,
  sessions: UserSessions["Service"],
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Scope.Scope> => {
  const visible = Effect.provideService(effect, CurrentVisibility, devices)
  if (thingsBoard === undefined) return visible
  return Effect.flatMap(sessions.acquire(thingsBoard), (user) => Effect.provideContext(visible, Context.make(CurrentThingsBoard, user)))
}
