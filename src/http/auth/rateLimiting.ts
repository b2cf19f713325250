import { Clock, Duration, Effect } from "effect"
import type { Caller } from "../../api/middleware/Authentication.ts"
import { RateLimited } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { RateLimits, type RateLimitStatus } from "../../ratelimit/RateLimits.ts"
import { type LimitKind, logRateLimitExceeded } from "../logging/securityLog.ts"
import { failWithProblem } from "../response/problem.ts"
import { CurrentAuthentication } from "../CurrentAuthentication.ts"

/** Writes the status into the response headers of the FastAPI proxy and of the IETF draft, and marks the request as counted. */
const reportRateLimit = ({ limit, remaining, resetSeconds, windowSeconds }: RateLimitStatus) =>
  Effect.withFiber((fiber) => {
    const authentication = fiber.getRef(CurrentAuthentication)
    if (authentication !== undefined) authentication.isCounted = true
    const headers = fiber.getRef(CurrentExchange)?.headers
    if (headers !== undefined) {
      headers["x-ratelimit-limit"] = String(limit)
      headers["x-ratelimit-remaining"] = String(remaining)
      headers["x-ratelimit-reset"] = String(Math.ceil(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe() / 1000) + resetSeconds)
      headers["ratelimit"] = `"default";r=${remaining};t=${resetSeconds}`
      headers["ratelimit-policy"] = `"default";q=${limit};w=${Math.ceil(windowSeconds)}`
    }
    return Effect.void
  })

/** Fails with 429. `detail` names the limit, `seconds` is how long to wait. */
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

/** Runs `next` unless the limit is exceeded; reports the status in either case. */
export const failIfExceeded = <A, E, R>(
  status: RateLimitStatus,
  keyId: string | undefined,
  next: Effect.Effect<A, E, R>
): Effect.Effect<A, E | RateLimited, R> => {
  const outcome: Effect.Effect<A, E | RateLimited, R> = status.exceeded
    ? failTooManyRequests(
        `Rate limit exceeded: try again in ${status.resetSeconds} s.`,
        status.resetSeconds,
        status.owner === "key" ? "key_limit" : "address_limit",
        keyId
      )
    : next
  return Effect.andThen(reportRateLimit(status), outcome)
}

/** Counts a request against its key's own limit, or else RATE_LIMIT_REQUESTS per RATE_LIMIT_WINDOW, and runs `next` unless it is exceeded. */
export const makeCountPerKey = Effect.gen(function* () {
  const limits = yield* RateLimits
  const { rateLimit } = yield* Settings
  const common = { requests: rateLimit.requests, windowMillis: Duration.toMillis(rateLimit.window) }
  return <A, E, R>({ id, rateLimit }: Pick<Caller, "id" | "rateLimit">, next: Effect.Effect<A, E, R>) => {
    const { requests, windowMillis } = rateLimit ?? common
    return Effect.flatMap(limits.consume({ name: `key:${id}`, limit: requests, windowMillis }), (status) =>
      failIfExceeded(status, id, next)
    )
  }
})
