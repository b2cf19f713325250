/** Whether the gateway can serve requests: one entry per dependency, without host names or secrets. */
import { Context, Effect, Layer } from "effect"
import { ApiKeys } from "../apikeys/ApiKeys.ts"
import { Settings } from "../config/Settings.ts"
import { Overload } from "../overload/Overload.ts"
import { Shutdown } from "../platform/shutdown.ts"
import { withServiceSpan } from "../platform/tracing.ts"
import { RateLimits } from "../ratelimit/RateLimits.ts"
import { Session } from "../thingsboard/auth/Session.ts"
import type { ThingsBoardError } from "../thingsboard/errors/ThingsBoardError.ts"

export interface Dependency {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

const loginTimeout = "5 seconds"

/** Why the gateway has no session with ThingsBoard. */
export const describeLoginFailure = ({ reason }: ThingsBoardError, credentials: "Password" | "ApiKey"): string => {
  switch (reason._tag) {
    case "LoginRefused":
      if (reason.inactive === true) return "The ThingsBoard account is disabled, locked or not activated yet."
      return `ThingsBoard rejected the ${credentials === "ApiKey" ? "API key" : "username or password"}.`
    case "Unavailable":
      return "ThingsBoard is not available."
    case "Timeout":
      return "ThingsBoard did not respond in time."
    default:
      return `The login failed: ${reason._tag}.`
  }
}

export class Readiness extends Context.Service<Readiness, { readonly check: Effect.Effect<ReadonlyArray<Dependency>> }>()(
  "boardwalk/services/Readiness"
) {
  static readonly layer = Layer.effect(
    Readiness,
    Effect.gen(function* () {
      const { tbCredentials } = yield* Settings
      const session = yield* Session
      const limits = yield* RateLimits
      const keys = yield* ApiKeys
      const overload = yield* Overload
      const shutdown = yield* Shutdown
      const checkThingsBoard = session.authorization.pipe(
        Effect.andThen(session.identity),
        Effect.timeout(loginTimeout),
        Effect.match({
          onSuccess: () => ({ name: "thingsboard", ok: true, detail: "Logged in." }),
          onFailure: (error) => ({
            name: "thingsboard",
            ok: false,
            detail:
              error._tag === "TimeoutError" ? "ThingsBoard did not respond within 5 s." : describeLoginFailure(error, tbCredentials._tag)
          })
        })
      )
      /** Always ok: without Redis the gateway counts limits locally, and taking it out of service would help nobody. */
      const checkRedis = Effect.sync((): ReadonlyArray<Dependency> => {
        const storage = limits.storage()
        if (storage === "local") return []
        const detail = storage === "shared" ? "Rate limits are shared." : "Redis is not available: rate limits are counted locally."
        return [{ name: "redis", ok: true, detail }]
      })
      /** Always ok: while the file is invalid, the keys from its last valid version stay in use. */
      const checkKeyFile = Effect.sync((): ReadonlyArray<Dependency> => {
        const state = keys.fileState()
        if (state === undefined) return []
        const detail = state === "loaded" ? "The key file is loaded." : "The key file is invalid: the keys loaded before stay in use."
        return [{ name: "keys", ok: true, detail }]
      })
      const checkLoad = Effect.sync((): ReadonlyArray<Dependency> => {
        const { level, reason } = overload.load()
        if (reason === undefined) return []
        const cause = reason === "memory" ? "Memory is short" : "Work waits too long for the processor"
        const effect = level === 2 ? "all requests are rejected." : "exports, imports and queries are rejected."
        return [{ name: "load", ok: level < 2, detail: `${cause}: ${effect}` }]
      })
      const stopping: ReadonlyArray<Dependency> = [{ name: "gateway", ok: false, detail: "The gateway is shutting down." }]
      const check = Effect.gen(function* () {
        if (shutdown.hasBegun) return stopping
        return [yield* checkThingsBoard, ...(yield* checkRedis), ...(yield* checkKeyFile), ...(yield* checkLoad)]
      })
      return { check: check.pipe(withServiceSpan("Readiness.check")) }
    })
  )
}
