/** Whether the gateway can do its work: one line a dependency, no hosts and no secrets. */
import { Context, Effect, Layer } from "effect"
import { Limits } from "./Limits.ts"
import { Session } from "../thingsboard/Session.ts"

export interface Dependency {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

export class Readiness extends Context.Service<Readiness, { readonly check: Effect.Effect<ReadonlyArray<Dependency>> }>()(
  "boardwalk/services/Readiness"
) {
  static readonly layer = Layer.effect(
    Readiness,
    Effect.gen(function* () {
      const session = yield* Session
      const limits = yield* Limits
      const thingsboard = session.authorization.pipe(
        Effect.andThen(session.identity),
        Effect.timeout("5 seconds"),
        Effect.match({
          onSuccess: () => ({ name: "thingsboard", ok: true, detail: "Logged in." }),
          onFailure: (error) => ({
            name: "thingsboard",
            ok: false,
            detail: error._tag === "TimeoutError" ? "No answer within 5 s." : `No session: ${error.reason._tag}.`
          })
        })
      )
      const redis = Effect.sync((): ReadonlyArray<Dependency> => {
        const sharing = limits.sharing()
        if (sharing === "off") return []
        // Out of service a gateway would serve nobody; with limits of its own it serves everybody.
        return [{ name: "redis", ok: true, detail: sharing === "shared" ? "Keeps the limits." : "Away: local limits stand in." }]
      })
      return { check: Effect.zipWith(thingsboard, redis, (one, others): ReadonlyArray<Dependency> => [one, ...others]) }
    })
  )
}
