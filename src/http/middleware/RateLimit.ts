import { Clock, Context, Duration, Effect, Layer, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { RateLimiter } from "effect/persistence"
import { type Caller, CurrentCaller } from "../../api/middleware/Authentication.ts"
import { RateLimit } from "../../api/middleware/RateLimit.ts"
import { RateLimited } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { refuse } from "../refuse.ts"
import { rateLimitExceeded } from "../securityEvent.ts"

type Guarded = Effect.Effect<HttpServerResponse.HttpServerResponse, RateLimited | Types.unhandled>

interface Standing {
  readonly limit: number
  readonly windowSeconds: number
  readonly remaining: number
  /** Seconds until the full amount is there again. */
  readonly reset: number
}

/** Writes how the key stands: the proxy's headers and those of the IETF draft. */
const tell = ({ limit, remaining, reset, windowSeconds }: Standing) =>
  Effect.withFiber((fiber) => {
    const headers = fiber.getRef(CurrentExchange)?.headers
    if (headers !== undefined) {
      headers["x-ratelimit-limit"] = String(limit)
      headers["x-ratelimit-remaining"] = String(remaining)
      headers["x-ratelimit-reset"] = String(Math.ceil(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe() / 1000) + reset)
      headers["ratelimit"] = `"default";r=${remaining};t=${reset}`
      headers["ratelimit-policy"] = `"default";q=${limit};w=${windowSeconds}`
    }
    return Effect.void
  })

const exceeded = (caller: Caller, limit: number, windowSeconds: number, retryAfter: Duration.Duration): Guarded =>
  Effect.withFiber((fiber) => {
    const seconds = Math.max(1, Math.ceil(Duration.toSeconds(retryAfter)))
    const exchange = fiber.getRef(CurrentExchange)
    if (exchange !== undefined) exchange.headers["retry-after"] = String(seconds)
    return tell({ limit, windowSeconds, remaining: 0, reset: seconds }).pipe(
      Effect.andThen(rateLimitExceeded(caller.id)),
      Effect.andThen(
        refuse(
          `Rate limit exceeded: try again in ${seconds} s.`,
          (common) => new RateLimited({ ...common, details: {}, retry_after: seconds })
        )
      )
    )
  })

/** A token bucket a key: RATE_LIMIT_REQUESTS calls, refilled over RATE_LIMIT_WINDOW; or the key's own. */
export const RateLimitLive = Layer.effect(
  RateLimit,
  Effect.gen(function* () {
    const { rateLimit } = yield* Settings
    const limiter = yield* RateLimiter.RateLimiter
    const common = { requests: rateLimit.requests, windowMillis: Duration.toMillis(rateLimit.window) }
    return RateLimit.of((handler) =>
      Effect.withFiber((fiber) => {
        const caller = Context.getUnsafe(fiber.context as Context.Context<CurrentCaller>, CurrentCaller)
        const { requests: limit, windowMillis: window } = caller.rateLimit ?? common
        return Effect.matchEffect(limiter.consume({ key: caller.id, limit, window, algorithm: "token-bucket", onExceeded: "fail" }), {
          onSuccess: ({ remaining, resetAfter }): Guarded =>
            Effect.andThen(
              tell({ limit, windowSeconds: window / 1000, remaining, reset: Math.ceil(Duration.toSeconds(resetAfter)) }),
              handler
            ),
          onFailure: ({ reason }): Guarded =>
            // When the store is away, serving is worth more than counting.
            reason._tag === "RateLimitExceeded" ? exceeded(caller, limit, window / 1000, reason.retryAfter) : handler
        })
      })
    )
  })
).pipe(Layer.provide(RateLimiter.layer), Layer.provide(RateLimiter.layerStoreMemory))
