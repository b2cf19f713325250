/** ThingsBoard's REST API with the session's rights. The folder is the only one that knows ThingsBoard's JSON. */
import { Context, Duration, Effect, Layer } from "effect"
import { Settings } from "../config/Settings.ts"
import { exchangeOrExpired, TokenExpired } from "./exchange.ts"
import { Session } from "./Session.ts"
import { LoginRefused, ThingsBoardError } from "./ThingsBoardError.ts"

export class ThingsBoard extends Context.Service<
  ThingsBoard,
  {
    /** The bytes of a 200 answer. */
    readonly get: (path: string) => Effect.Effect<Buffer, ThingsBoardError>
    /** Sends ready-made JSON. */
    readonly post: (path: string, json: string | Uint8Array) => Effect.Effect<Buffer, ThingsBoardError>
  }
>()("boardwalk/thingsboard/ThingsBoard") {
  static readonly layer = Layer.effect(
    ThingsBoard,
    Effect.gen(function* () {
      const { tbHost, tbTimeout } = yield* Settings
      const session = yield* Session
      const timeout = Duration.toMillis(tbTimeout)

      const send = (method: "GET" | "POST", path: string, body: string | Uint8Array | undefined, authorization: string) =>
        exchangeOrExpired({
          url: tbHost + path,
          method,
          headers: body === undefined ? { "x-authorization": authorization } : { "x-authorization": authorization, "content-type": "application/json" },
          body,
          timeout
        })

      const call = (method: "GET" | "POST", path: string, body: string | Uint8Array | undefined) =>
        Effect.flatMap(session.authorization, (authorization) =>
          Effect.catch(send(method, path, body, authorization), (error) =>
            error instanceof TokenExpired
              ? Effect.flatMap(session.renew(authorization), (fresh) =>
                  Effect.mapError(send(method, path, body, fresh), (again) =>
                    again instanceof TokenExpired ? new ThingsBoardError({ reason: new LoginRefused(), status: 401 }) : again
                  )
                )
              : Effect.fail(error)
          )
        )
      return { get: (path) => call("GET", path, undefined), post: (path, json) => call("POST", path, json) }
    })
  )
}
