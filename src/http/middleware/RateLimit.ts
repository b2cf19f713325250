import { Clock, Context, Duration, Effect, Layer, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { RateLimiter } from "effect/persistence"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import { RateLimit } from "../../api/middleware/RateLimit.ts"
import { RateLimited } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { refuse } from "../refuse.ts"

type Guarded = Effect.Effect<HttpServerResponse.HttpServerResponse, RateLimited | Types.unhandled>

interface Standing {
  readonly remaining: number
  /** Seconds until the full amount is there again. */
  readonly reset: number
}

/** A token bucket a key: RATE_LIMIT_REQUESTS calls, refilled over RATE_LIMIT_WINDOW. */
export const RateLimitLive = Layer.effect(
  RateLimit,
  Effect.gen(function* () {
    const { rateLimit } = yield* Settings
    const limiter = yield* RateLimiter.RateLimiter
    const policy = `"default";q=${rateLimit.requests};w=${Duration.toSeconds(rateLimit.window)}`

    const tell = ({ remaining, reset }: Standing) =>
      Effect.withFiber((fiber) => {
        const headers = fiber.getRef(CurrentExchange)?.headers
        if (headers !== undefined) {
          headers["x-ratelimit-limit"] = String(rateLimit.requests)
          headers["x-ratelimit-remaining"] = String(remaining)
          headers["x-ratelimit-reset"] = String(Math.ceil(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe() / 1000) + reset)
          headers["ratelimit"] = `"default";r=${remaining};t=${reset}`
          headers["ratelimit-policy"] = policy
        }
        return Effect.void
      })

    const exceeded = Effect.fnUntraced(function* (retryAfter: Duration.Duration) {
      const seconds = Math.max(1, Math.ceil(Duration.toSeconds(retryAfter)))
      yield* tell({ remaining: 0, reset: seconds })
      yield* Effect.logWarning("Rate limit exceeded")
      return yield* refuse(
        `Rate limit exceeded: try again in ${seconds} s.`,
        (common) => new RateLimited({ ...common, details: {}, retry_after: seconds })
      )
    })

    return RateLimit.of((handler) =>
      Effect.withFiber((fiber) => {
        const caller = Context.getUnsafe(fiber.context as Context.Context<CurrentCaller>, CurrentCaller)
        return Effect.matchEffect(
          limiter.consume({
            key: caller.id,
            limit: rateLimit.requests,
            window: rateLimit.window,
            algorithm: "token-bucket",
            onExceeded: "fail"
          }),
          {
            onSuccess: ({ remaining, resetAfter }): Guarded =>
              Effect.andThen(tell({ remaining, reset: Math.ceil(Duration.toSeconds(resetAfter)) }), handler),
            onFailure: ({ reason }): Guarded =>
              // When the store is away, serving is worth more than counting.
              reason._tag === "RateLimitExceeded" ? exceeded(reason.retryAfter) : handler
          }
        )
      })
    )
  })
).pipe(Layer.provide(RateLimiter.layer), Layer.provide(RateLimiter.layerStoreMemory))
