import { Context, Effect, type Scope } from "effect"
import type { ApiKey } from "../../apikeys/ApiKeys.ts"
import { CurrentThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { UserSessions } from "../../thingsboard/UserSessions.ts"
import { CurrentVisibility } from "./CurrentVisibility.ts"

/**
 * What everything that is done for a key must run with: its visibility, and ThingsBoard as its own user, if it has one. Nothing is checked:
 * neither that the key is valid, nor its scopes. The scope keeps the user's session.
 */
export const contextOfKey = (
  { devices, thingsBoard }: Pick<ApiKey, "devices" | "thingsBoard">,
  sessions: UserSessions["Service"]
): Effect.Effect<Context.Context<never>, never, Scope.Scope> => {
  const visible = Context.make(CurrentVisibility, devices)
  if (thingsBoard === undefined) return Effect.succeed(visible)
  return Effect.map(sessions.acquire(thingsBoard), (user) => Context.add(visible, CurrentThingsBoard, user))
}
