/**
 * Remembers the responses to requests with an `Idempotency-Key`: in this process, or in Redis with REDIS_URL. It knows requests only by name
 * and fingerprint. While Redis is unavailable it fails, since a caller who sends a key must not be told that nothing is done twice.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { Settings } from "../config/Settings.ts"
import { RateLimits } from "../ratelimit/RateLimits.ts"
import { makeMemoryStore } from "./memoryStore.ts"
import type { Store } from "./model.ts"
import { makeRedisStore } from "./redisStore.ts"

export class Idempotency extends Context.Service<Idempotency, Store>()("boardwalk/idempotency/Idempotency") {
  static readonly layer = Layer.effect(
    Idempotency,
    Effect.gen(function* () {
      const { idempotencyMemory, idempotencyTtl, redisUrl } = yield* Settings
      const { redis } = yield* RateLimits
      const ttlMillis = Duration.toMillis(idempotencyTtl)
      return redisUrl === undefined ? makeMemoryStore(ttlMillis, idempotencyMemory) : makeRedisStore(redis, ttlMillis)
    })
  )
}
