/** Tells callers how a limit stands, and refuses those beyond it. */
import { Clock, Duration, Effect } from "effect"
import type { Caller } from "../../api/middleware/Authentication.ts"
import { RateLimited } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { RateLimits, type RateLimitStatus } from "../../ratelimit/RateLimits.ts"
import { failWithProblem } from "../response/problem.ts"
import { type LimitKind, logRateLimitExceeded } from "../logging/securityLog.ts"

/** The headers of the FastAPI proxy and those of the IETF draft. */
export const setRateLimitHeaders = ({ limit, remaining, resetSeconds: reset, windowSeconds }: RateLimitStatus) =>
  Effect.withFiber((fiber) => {
    const headers = fiber.getRef(CurrentExchange)?.headers
    if (headers !== undefined) {
      headers["x-ratelimit-limit"] = String(limit)
      headers["x-ratelimit-remaining"] = String(remaining)
      headers["x-ratelimit-reset"] = String(Math.ceil(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe() / 1000) + reset)
      headers["ratelimit"] = `"default";r=${remaining};t=${reset}`
      headers["ratelimit-policy"] = `"default";q=${limit};w=${Math.ceil(windowSeconds)}`
    }
    return Effect.void
  })

/** 429: `detail` says which limit it is. */
export const failTooManyRequests = (
  detail: string,
  seconds: number,
  reason: LimitKind,
  keyId: string | undefined
): Effect.Effect<never, RateLimited> =>
  Effect.withFiber((fiber) => {
    const exchange = fiber.getRef(CurrentExchange)
    if (exchange !== undefined) exchange.headers["retry-after"] = String(seconds)
    return Effect.andThen(
      logRateLimitExceeded(reason, keyId),
      failWithProblem(detail, (common) => new RateLimited({ ...common, details: {}, retry_after: seconds }))
    )
  })

/** Goes on when the bucket had a request left, and tells how it stands either way. */
export const failIfExceeded = <A, E, R>(
  standing: RateLimitStatus,
  keyId: string | undefined,
  next: Effect.Effect<A, E, R>
): Effect.Effect<A, E | RateLimited, R> => {
  const outcome: Effect.Effect<A, E | RateLimited, R> = standing.exceeded
    ? failTooManyRequests(
        `Rate limit exceeded: try again in ${standing.resetSeconds} s.`,
        standing.resetSeconds,
        standing.owner === "key" ? "key_limit" : "address_limit",
        keyId
      )
    : next
  return Effect.andThen(setRateLimitHeaders(standing), outcome)
}

/** Counts a request for its key, of RATE_LIMIT_REQUESTS in RATE_LIMIT_WINDOW or of the key's own limit, and goes on as `orTooMany`. */
export const countPerKey = Effect.gen(function* () {
  const limits = yield* RateLimits
  const { rateLimit } = yield* Settings
  const common = { requests: rateLimit.requests, windowMillis: Duration.toMillis(rateLimit.window) }
  return <A, E, R>({ id, rateLimit }: Pick<Caller, "id" | "rateLimit">, next: Effect.Effect<A, E, R>) => {
    const { requests, windowMillis } = rateLimit ?? common
    return Effect.flatMap(limits.consume({ name: `key:${id}`, limit: requests, windowMillis }), (standing) =>
      failIfExceeded(standing, id, next)
    )
  }
})
