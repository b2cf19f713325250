/**
 * Effect's Redis store for rate limits, with token buckets that are refilled by Redis's clock. Effect's own script takes the time from
 * the caller, so a gateway whose clock is an hour ahead would refill every bucket, and leave the others without tokens for an hour.
 */
import { Duration, Effect } from "effect"
import { RateLimiter, Redis } from "effect/persistence"

/**
 * One hash per bucket: its tokens, and when they were last refilled. Redis's clock can step back as well; then the refilling starts at
 * the new time. A bucket that would be full again is forgotten.
 */
const takeTokens = Redis.script(
  (key: string, tokens: number, refillMillis: number, limit: number, overflow: 0 | 1) => [key, tokens, refillMillis, limit, overflow],
  {
    numberOfKeys: 1,
    lua: `
local tokens, refill_ms, limit, overflow = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == "1"
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local stored = redis.call("HMGET", KEYS[1], "tokens", "refilled")
local available = tonumber(stored[1]) or limit
local refilled = math.min(tonumber(stored[2]) or now, now)

local new_tokens = math.floor((now - refilled) / refill_ms)
available = math.min(limit, available + new_tokens)
refilled = available < limit and refilled + new_tokens * refill_ms or now

local remaining = available - tokens
if remaining >= 0 or overflow then available = remaining end
local elapsed = now - refilled

redis.call("HSET", KEYS[1], "tokens", string.format("%.17g", available), "refilled", string.format("%.17g", refilled))
redis.call("PEXPIRE", KEYS[1], math.max(1, math.ceil((limit - available) * refill_ms - elapsed)))
return { string.format("%.17g", remaining), string.format("%.17g", elapsed) }
`
  }
).withReturnType<readonly [remaining: string, elapsedMillis: string]>()

/** Needs the permission to run scripts, and `HMGET`, `HSET`, `PEXPIRE` and `TIME` within them. */
export const makeRedisStore = Effect.fnUntraced(function* (prefix: string) {
  const store = yield* RateLimiter.makeStoreRedis({ prefix })
  const take = (yield* Redis.Redis).eval(takeTokens)
  return RateLimiter.RateLimiterStore.of({
    ...store,
    tokenBucket: ({ allowOverflow, key, limit, refillRate, tokens }) =>
      take(`${prefix}${key}`, tokens, Duration.toMillis(refillRate), limit, allowOverflow ? 1 : 0).pipe(
        Effect.map(([remaining, elapsedMillis]) => [Number(remaining), Number(elapsedMillis)] as const),
        Effect.mapError(
          (cause) =>
            new RateLimiter.RateLimiterError({
              reason: new RateLimiter.RateLimitStoreError({ message: "Redis could not count a request", cause })
            })
        )
      )
  })
})
