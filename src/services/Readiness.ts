/** Whether the gateway can do its work: one line a dependency, no hosts and no secrets. */
import { Context, Effect, Layer } from "effect"
import { ApiKeys } from "../apikeys/ApiKeys.ts"
import { withServiceSpan } from "../platform/tracing.ts"
import { RateLimits } from "../ratelimit/RateLimits.ts"
import { Session } from "../thingsboard/auth/Session.ts"

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
      const limits = yield* RateLimits
      const keys = yield* ApiKeys
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
        const storage = limits.storage()
        if (storage === "local") return []
        // Out of service a gateway would serve nobody; with limits of its own it serves everybody.
        return [{ name: "redis", ok: true, detail: storage === "shared" ? "Keeps the limits." : "Away: local limits stand in." }]
      })
      const fileOfKeys = Effect.sync((): ReadonlyArray<Dependency> => {
        const state = keys.fileState()
        if (state === undefined) return []
        // The keys that it held before still serve, so this is no reason to serve nobody either.
        return [
          { name: "keys", ok: true, detail: state === "loaded" ? "The file is read." : "The file is broken: the keys stay as they were." }
        ]
      })
      const check = Effect.gen(function* () {
        return [yield* thingsboard, ...(yield* redis), ...(yield* fileOfKeys)]
      })
      return { check: check.pipe(withServiceSpan("Readiness.check")) }
    })
  )
}
