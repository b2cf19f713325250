import { Context, Duration, Effect, Layer, type Scope, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { type Caller, CurrentCaller } from "../../api/middleware/Authentication.ts"
import { RateLimit } from "../../api/middleware/RateLimit.ts"
import type { RateLimited } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { Limits } from "../../services/Limits.ts"
import { orTooMany, tooMany } from "../limiting.ts"

type Guarded = Effect.Effect<HttpServerResponse.HttpServerResponse, RateLimited | Types.unhandled, Scope.Scope>

/** RATE_LIMIT_REQUESTS calls, refilled over RATE_LIMIT_WINDOW; or the key's own. */
export const bucketOfKey = ({ rateLimit }: Pick<Settings["Service"], "rateLimit">) => {
  const common = { requests: rateLimit.requests, windowMillis: Duration.toMillis(rateLimit.window) }
  return (key: Pick<Caller, "id" | "rateLimit">) => {
    const { requests, windowMillis } = key.rateLimit ?? common
    return { name: `key:${key.id}`, requests, windowMillis }
  }
}

/** Holds one of a key's places until the answer has been written to its last byte, or nobody reads it any more. */
const placesOf = (most: number) => {
  const taken = new Map<string, number>()
  const take = (id: string) =>
    Effect.sync(() => {
      const count = taken.get(id) ?? 0
      if (count >= most) return false
      taken.set(id, count + 1)
      return true
    })
  const giveBack = (id: string) =>
    Effect.sync(() => {
      const count = taken.get(id)! - 1
      if (count === 0) taken.delete(id)
      else taken.set(id, count)
    })
  return (id: string) => Effect.acquireRelease(take(id), (has) => (has ? giveBack(id) : Effect.void))
}

/** Every key has its token bucket, and so many requests in flight at once. */
export const RateLimitLive = Layer.effect(
  RateLimit,
  Effect.gen(function* () {
    const settings = yield* Settings
    const { maxConcurrentRequests: most } = settings
    const limits = yield* Limits
    const bucketOf = bucketOfKey(settings)
    const place = placesOf(most)
    return RateLimit.of((handler) =>
      Effect.withFiber((fiber): Guarded => {
        const caller = Context.getUnsafe(fiber.context as Context.Context<CurrentCaller>, CurrentCaller)
        const placed = Effect.flatMap(place(caller.id), (has): Guarded =>
          has ? handler : tooMany(`This key has ${most} requests in flight, which is the most: wait for answers.`, 1, caller.id)
        )
        return Effect.flatMap(limits.take(bucketOf(caller)), (standing) => orTooMany(standing, caller.id, placed))
      })
    )
  })
)
