/**
 * Token buckets by name: in this process, or in Redis with REDIS_URL, so that several gateways share them. While Redis is unavailable,
 * each gateway counts on its own: serving requests matters more than exact counts.
 */
import { Context, Duration, Effect, Layer, Redacted } from "effect"
import { RateLimiter, Redis } from "effect/persistence"
import { Settings } from "../config/Settings.ts"
import { withMonotonicClock } from "../platform/monotonicTime.ts"
import { keepRedisConnected } from "../platform/redisConnection.ts"
import { makeRedisStore } from "./redisStore.ts"

export interface Bucket {
  readonly name: string
  /** Requests per window, or KiB for a limit on bytes, and the capacity of the bucket. */
  readonly limit: number
  readonly windowMillis: number
}

const ownerOf = ({ name }: Bucket) => (name.startsWith("key:") ? "key" : "address")

/** The status of a bucket. */
export interface RateLimitStatus {
  /** What the bucket counts by. */
  readonly owner: "key" | "address"
  readonly limit: number
  readonly windowSeconds: number
  readonly remaining: number
  /** Seconds until the bucket is full again; for an exceeded one, until the next request is possible. */
  readonly resetSeconds: number
  /** Whether this request exceeds the limit. */
  readonly exceeded: boolean
}

/** `local` without REDIS_URL, `shared` in Redis, `unavailable` while Redis cannot be used and each gateway counts on its own. */
export type RateLimitStorage = "local" | "shared" | "unavailable"

const toSeconds = (duration: Duration.Duration) => Math.max(1, Math.ceil(Duration.toMillis(duration) / 1000))

/** How many tokens are taken. `always`: even if there are not as many, so that the bucket has to be refilled from below zero. */
interface Taken {
  readonly tokens: number
  readonly always?: true
}

/** Takes tokens from a bucket; 0 only reads it. Undefined if the store is unavailable. */
const consumeTokens = (limiter: RateLimiter.RateLimiter, bucket: Bucket, { always, tokens }: Taken) => {
  const { name, limit, windowMillis: window } = bucket
  const owner = ownerOf(bucket)
  return Effect.match(
    limiter.consume({ key: name, limit, window, tokens, algorithm: "token-bucket", onExceeded: always === true ? "delay" : "fail" }),
    {
      onSuccess: ({ remaining, resetAfter }): RateLimitStatus | undefined => {
        const exceeded = tokens === 0 && remaining < 1
        const millisUntilFull = Duration.toMillis(resetAfter)
        const secondsUntilFull = Math.ceil(millisUntilFull / 1000)
        return {
          owner,
          limit,
          windowSeconds: window / 1000,
          remaining: Math.max(0, remaining),
          resetSeconds: exceeded
            ? toSeconds(Duration.millis(Math.max(0, millisUntilFull - ((limit - 1) * window) / limit)))
            : secondsUntilFull,
          exceeded
        }
      },
      onFailure: ({ reason }): RateLimitStatus | undefined =>
        reason._tag === "RateLimitExceeded"
          ? { owner, limit, windowSeconds: window / 1000, remaining: 0, resetSeconds: toSeconds(reason.retryAfter), exceeded: true }
          : undefined
    }
  )
}

const makeMemoryLimiter = Effect.scoped(
  Effect.map(Layer.build(Layer.fresh(RateLimiter.layer.pipe(Layer.provide(Layer.fresh(RateLimiter.layerStoreMemory))))), (services) =>
    Context.get(services, RateLimiter.RateLimiter)
  )
)

/** The memory store never forgets a bucket, and there are many addresses: beyond this number all buckets are reset. */
const maxBuckets = 20_000

const makeLocalCounter = Effect.gen(function* () {
  // The store refills its buckets by the clock of the caller: after a step back of an hour, an empty bucket would stay empty for an hour.
  const monotonic = yield* withMonotonicClock
  let limiter = yield* makeMemoryLimiter
  let names = new Set<string>()
  return (bucket: Bucket, tokens: Taken) => {
    if (names.size < maxBuckets || names.has(bucket.name)) {
      names.add(bucket.name)
      return monotonic(consumeTokens(limiter, bucket, tokens))
    }
    return Effect.flatMap(makeMemoryLimiter, (fresh) => {
      limiter = fresh
      names = new Set([bucket.name])
      return monotonic(consumeTokens(fresh, bucket, tokens))
    })
  }
})

const probe: Bucket = { name: "probe", limit: 1, windowMillis: 1000 }

interface Connected {
  readonly limiter: RateLimiter.RateLimiter
  readonly redis: Redis.Redis["Service"]
}

/** Makes a limiter on a connection, or fails with the reason, which contains no address and no password. */
const makeLimiter = Effect.fnUntraced(function* (redis: Redis.Redis["Service"]): Effect.fn.Return<Connected, string> {
  const store = yield* Effect.provideService(makeRedisStore("boardwalk:limit:"), Redis.Redis, redis)
  const limiter = yield* Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, store)
  // A connection alone proves little: a replica rejects writes, and a user may lack permission to run scripts.
  if ((yield* consumeTokens(limiter, probe, { tokens: 0 })) === undefined) return yield* Effect.fail("SCRIPT_REFUSED")
  return { limiter, redis }
})

/** Checks whether Redis can keep the counts, and lets the gateway run everything that this needs; fails with the reason. */
export const probeRateLimits = (redis: Redis.Redis["Service"]): Effect.Effect<void, string> => Effect.asVoid(makeLimiter(redis))

export class RateLimits extends Context.Service<
  RateLimits,
  {
    /** Takes one request from the bucket, unless it is empty. */
    readonly consume: (bucket: Bucket) => Effect.Effect<RateLimitStatus>
    /** Reads the status without taking a request. */
    readonly peek: (bucket: Bucket) => Effect.Effect<RateLimitStatus>
    /** Takes tokens for what has already happened, whether or not the bucket has as many. */
    readonly charge: (bucket: Bucket, tokens: number) => Effect.Effect<RateLimitStatus>
    readonly storage: () => RateLimitStorage
    /** The connection to Redis, for other things that gateways share; undefined without REDIS_URL and while Redis is unavailable. */
    readonly redis: () => Redis.Redis["Service"] | undefined
  }
>()("boardwalk/ratelimit/RateLimits") {
  static readonly layer = Layer.effect(
    RateLimits,
    Effect.gen(function* () {
      const { redisUrl } = yield* Settings
      // Counted separately: keys are few, and must keep their counts however many addresses there are.
      const [keyCounter, addressCounter] = [yield* makeLocalCounter, yield* makeLocalCounter]
      const countLocally = (bucket: Bucket, tokens: Taken) =>
        (ownerOf(bucket) === "key" ? keyCounter : addressCounter)(bucket, tokens) as Effect.Effect<RateLimitStatus> // memory is never unavailable
      const shared =
        redisUrl === undefined
          ? undefined
          : yield* keepRedisConnected({
              url: Redacted.value(redisUrl),
              prepare: makeLimiter,
              logRecovery: Effect.logInfo("Redis is available again: rate limits are shared"),
              logOutage: (reason) => Effect.logWarning("Redis is unavailable: each gateway counts requests on its own", { reason })
            })
      const count = (bucket: Bucket, tokens: Taken) => {
        const connected = shared?.()
        if (connected === undefined) return countLocally(bucket, tokens)
        // Concurrent requests share the loading of a script, so the interruption of one request must not abort it for the others.
        return Effect.flatMap(Effect.uninterruptible(consumeTokens(connected.value.limiter, bucket, tokens)), (status) => {
          if (status !== undefined) return Effect.succeed(status)
          connected.lose("NO_COUNT")
          return countLocally(bucket, tokens)
        })
      }
      return {
        consume: (bucket) => count(bucket, { tokens: 1 }),
        peek: (bucket) => count(bucket, { tokens: 0 }),
        charge: (bucket, tokens) => count(bucket, { tokens, always: true }),
        redis: () => shared?.()?.value.redis,
        storage: (): RateLimitStorage => (shared === undefined ? "local" : shared() === undefined ? "unavailable" : "shared")
      }
    })
  )
}
