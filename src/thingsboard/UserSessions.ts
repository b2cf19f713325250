/** ThingsBoard as users other than the gateway's own: one session per user, while it is in use. */
import { Context, Effect, Equal, Layer, MutableHashMap, Option, RcMap, Scope } from "effect"
import { Settings, type TbCredentials } from "../config/Settings.ts"
import { LoginBackoff } from "./auth/LoginBackoff.ts"
import { make as makeSession } from "./auth/Session.ts"
import { EventLoop } from "../platform/EventLoop.ts"
import { GcPressure } from "../platform/GcPressure.ts"
import { SharedReads } from "./reads/SharedReads.ts"
import { make as makeThingsBoard, type ThingsBoardShape } from "./ThingsBoard.ts"
import { Transport } from "./transport/Transport.ts"

/** Tokens live for hours, but a session that has not been used for this long is not worth renewing. */
const idleTime = "10 minutes"

export class UserSessions extends Context.Service<
  UserSessions,
  {
    /**
     * ThingsBoard as the user with these credentials; undefined for the gateway's own credentials, which have a session already. All
     * callers with equal credentials share a session, which logs in when it is first needed. It lasts until the scope closes, and ten
     * minutes longer. Provide the result as `CurrentThingsBoard`.
     */
    readonly acquire: (credentials: TbCredentials) => Effect.Effect<ThingsBoardShape | undefined, never, Scope.Scope>
  }
>()("boardwalk/thingsboard/UserSessions") {
  static readonly layer = Layer.effect(
    UserSessions,
    Effect.gen(function* () {
      const { tbCredentials } = yield* Settings
      const transport = yield* Transport
      const eventLoop = yield* EventLoop
      const gcPressure = yield* GcPressure
      const reads = yield* SharedReads
      // Backoffs outlive the sessions, so that a session that is closed and opened again does not log in too soon.
      const backoffs = MutableHashMap.empty<TbCredentials, LoginBackoff>()
      const backoffOf = (credentials: TbCredentials): LoginBackoff =>
        Option.getOrElse(MutableHashMap.get(backoffs, credentials), () => {
          const made = new LoginBackoff()
          MutableHashMap.set(backoffs, credentials, made)
          return made
        })
      // A session keeps the context in which it was made. That must not be the context of the request that came first.
      const base = yield* Effect.context<never>()
      const open = (credentials: TbCredentials) =>
        Effect.flatMap(makeSession(credentials, transport, backoffOf(credentials)), (session) =>
          makeThingsBoard(session, transport, eventLoop, gcPressure, reads)
        ).pipe(
          Effect.updateContext((given: Context.Context<Scope.Scope>) => Context.add(base, Scope.Scope, Context.get(given, Scope.Scope)))
        )
      // Equal credentials share one entry: records and redacted values are compared by content.
      const sessions = yield* RcMap.make({ lookup: open, idleTimeToLive: idleTime })
      return {
        acquire: (credentials) => (Equal.equals(credentials, tbCredentials) ? Effect.undefined : RcMap.get(sessions, credentials))
      }
    })
  ).pipe(Layer.provide(Layer.mergeAll(SharedReads.layer, Transport.layer, GcPressure.layer)))
}
