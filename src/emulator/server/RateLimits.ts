import { Clock, Context, Effect, Layer } from "effect"
import { Behavior } from "../Behavior.ts"
import { type User } from "../auth/Caller.ts"
import { type ErrorResponse, tooManyRequests } from "../http/ErrorResponse.ts"

interface Bucket {
  readonly capacity: number
  readonly millisPerToken: number
  tokens: number
  refilledAt: number
}

const take = (bucket: Bucket, now: number): boolean => {
  bucket.tokens = Math.min(bucket.capacity, bucket.tokens + (now - bucket.refilledAt) / bucket.millisPerToken)
  bucket.refilledAt = now
  if (bucket.tokens < 1) return false
  bucket.tokens -= 1
  return true
}

/** Token buckets per tenant, refilled continuously, like ThingsBoard's `TbRateLimits`. System administrators have no limit. */
export class RateLimits extends Context.Service<RateLimits, { readonly take: (user: User) => Effect.Effect<void, ErrorResponse> }>()(
  "boardwalk/emulator/server/RateLimits"
) {
  static readonly layer = Layer.effect(
    RateLimits,
    Effect.gen(function* () {
      const { rateLimits } = yield* Behavior
      const buckets = new Map<string, ReadonlyArray<Bucket>>()
      const getBuckets = (tenantId: string, now: number): ReadonlyArray<Bucket> => {
        const existing = buckets.get(tenantId)
        if (existing !== undefined) return existing
        const created = rateLimits.map(({ capacity, seconds }) => ({
          capacity,
          millisPerToken: (seconds * 1000) / capacity,
          tokens: capacity,
          refilledAt: now
        }))
        buckets.set(tenantId, created)
        return created
      }
      return RateLimits.of({
        take: Effect.fnUntraced(function* (user) {
          if (rateLimits.length === 0 || user.authority === "SYS_ADMIN" || user.tenantId === "") return
          const now = yield* Clock.currentTimeMillis
          if (!getBuckets(user.tenantId, now).every((bucket) => take(bucket, now))) return yield* tooManyRequests("tenant")
        })
      })
    })
  )
}
