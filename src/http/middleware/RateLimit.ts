import { Context, Effect, Layer, Option, type Scope, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { CurrentCaller, RequiredScope } from "../../api/middleware/Authentication.ts"
import { RateLimit } from "../../api/middleware/RateLimit.ts"
import type { RateLimited } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { makeByteLimits } from "../auth/byteLimits.ts"
import { makeCountPerKey, failTooManyRequests } from "../auth/rateLimiting.ts"

type Handler = Effect.Effect<HttpServerResponse.HttpServerResponse, RateLimited | Types.unhandled, Scope.Scope>

/**
 * Limits the requests of a key that are in flight at once. A streamed response counts until its last byte is written or its reader is
 * gone. A response that is complete stops counting at once, without a finalizer of the request's scope: that would cost it 2 µs.
 */
const makeConcurrencyLimit = (max: number) => {
  const inFlight = new Map<string, number>()
  const release = (id: string) => {
    const count = inFlight.get(id)! - 1
    if (count === 0) inFlight.delete(id)
    else inFlight.set(id, count)
  }
  return (id: string, handler: Handler): Handler =>
    Effect.suspend(() => {
      let isCounted = false
      // Counted inside the effect that has the `onExit`, so no interruption can come between the two.
      const run = Effect.suspend(() => {
        const count = inFlight.get(id) ?? 0
        if (count >= max)
          return failTooManyRequests(
            `This key already has the maximum of ${max} requests in flight: wait for responses.`,
            1,
            "in_flight",
            id
          )
        inFlight.set(id, count + 1)
        isCounted = true
        return handler
      })
      return Effect.onExit(run, (exit): Effect.Effect<void, never, Scope.Scope> => {
        if (!isCounted) return Effect.void
        if (exit._tag === "Success" && exit.value.body._tag === "Stream") return Effect.addFinalizer(() => Effect.sync(() => release(id)))
        release(id)
        return Effect.void
      })
    })
}

/** Limits the requests of each key: per window by a token bucket, and in flight by MAX_CONCURRENT_REQUESTS. */
export const RateLimitLayer = Layer.effect(
  RateLimit,
  Effect.gen(function* () {
    const countPerKey = yield* makeCountPerKey
    const limitConcurrency = makeConcurrencyLimit((yield* Settings).maxConcurrentRequests)
    const limitBytes = yield* makeByteLimits
    return RateLimit.of((handler, { endpoint }) => {
      const scope = Option.getOrUndefined(Context.getOption(endpoint.annotations, RequiredScope))
      return Effect.withFiber((fiber): Handler => {
        const caller = Context.getUnsafe(fiber.context as Context.Context<CurrentCaller>, CurrentCaller)
        return countPerKey(caller, limitBytes(caller, scope, limitConcurrency(caller.id, handler)))
      })
    })
  })
)
