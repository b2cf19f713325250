/** ThingsBoard with the rights of other users than the gateway's own: a session for each, while it is in use. */
import { Context, Effect, Equal, Layer, MutableHashMap, Option, RcMap, Scope } from "effect"
import { Settings, type TbCredentials } from "../config/Settings.ts"
import { LoginBackoff } from "./auth/LoginBackoff.ts"
import { make as makeSession } from "./auth/Session.ts"
import { make as makeThingsBoard, type ThingsBoardShape } from "./ThingsBoard.ts"
import { configured } from "./transport/Transport.ts"

/** A token lives for hours; a session that nobody used for so long is not worth renewing it. */
const idle = "10 minutes"

export class UserSessions extends Context.Service<
  UserSessions,
  {
    /**
     * ThingsBoard for these credentials, with a session that all of their users share and that logs in when it is first needed. It is
     * kept until the scope closes, and for ten minutes more. Provide it as `CurrentThingsBoard`. Undefined for the gateway's own
     * credentials, which have a session already.
     */
    readonly of: (credentials: TbCredentials) => Effect.Effect<ThingsBoardShape | undefined, never, Scope.Scope>
  }
>()("boardwalk/thingsboard/UserSessions") {
  static readonly layer = Layer.effect(
    UserSessions,
    Effect.gen(function* () {
      const { tbCredentials } = yield* Settings
      const transport = yield* configured
      // They outlive the sessions: one that is dropped and opened again does not begin to try anew.
      const holdOffs = MutableHashMap.empty<TbCredentials, LoginBackoff>()
      const holdOffOf = (credentials: TbCredentials): LoginBackoff =>
        Option.getOrElse(MutableHashMap.get(holdOffs, credentials), () => {
          const made = new LoginBackoff()
          MutableHashMap.set(holdOffs, credentials, made)
          return made
        })
      // A session keeps the context that it was made in, which is not to be the one of whose request came first.
      const base = yield* Effect.context<never>()
      const open = (credentials: TbCredentials) =>
        Effect.flatMap(makeSession(credentials, transport, holdOffOf(credentials)), (session) => makeThingsBoard(session, transport)).pipe(
          Effect.updateContext((given: Context.Context<Scope.Scope>) => Context.add(base, Scope.Scope, Context.get(given, Scope.Scope)))
        )
      // Equal credentials are one key: records and redacted values are compared by what they hold.
      const sessions = yield* RcMap.make({ lookup: open, idleTimeToLive: idle })
      return {
        of: (credentials) => (Equal.equals(credentials, tbCredentials) ? Effect.undefined : RcMap.get(sessions, credentials))
      }
    })
  )
}
