/**
 * Token buckets by name: in this process, or with REDIS_URL in Redis, so that all gateways on it count as one. When Redis is away each
 * gateway counts for itself until it is back: serving is worth more than counting exactly.
 */
import { Context, Deferred, Duration, Effect, Layer, Redacted } from "effect"
import { RateLimiter, Redis } from "effect/persistence"
import { Settings } from "../config/Settings.ts"
import { connect, redisErrorCode } from "../platform/BunRedis.ts"

export interface Bucket {
  readonly name: string
  readonly limit: number
  readonly windowMillis: number
}

const ownerOf = ({ name }: Bucket) => (name.startsWith("key:") ? "key" : "address")

/** How a bucket stands. */
export interface RateLimitStatus {
  /** Whose requests it counts. */
  readonly owner: "key" | "address"
  readonly limit: number
  readonly windowSeconds: number
  readonly remaining: number
  /** Seconds until the full amount is there again; of a bucket that is used up, until the next request. */
  readonly resetSeconds: number
  /** Whether it is used up for this request. */
  readonly exceeded: boolean
}

/** Where the counts are: `local` without REDIS_URL, `shared` in Redis, `unavailable` while Redis cannot be reached and each gateway counts alone. */
export type RateLimitStorage = "local" | "shared" | "unavailable"

const seconds = (duration: Duration.Duration) => Math.max(1, Math.ceil(Duration.toMillis(duration) / 1000))

/** Undefined when the store is away. */
const counted = (limiter: RateLimiter.RateLimiter, bucket: Bucket, tokens: 0 | 1) => {
  const { name, limit, windowMillis: window } = bucket
  const of = ownerOf(bucket)
  return Effect.match(limiter.consume({ key: name, limit, window, tokens, algorithm: "token-bucket", onExceeded: "fail" }), {
    onSuccess: ({ remaining, resetAfter }): RateLimitStatus | undefined => {
      const exceeded = tokens === 0 && remaining < 1
      const untilFull = Duration.toMillis(resetAfter)
      const reset = Math.ceil(untilFull / 1000)
      return {
        owner: of,
        limit,
        windowSeconds: window / 1000,
        remaining,
        resetSeconds: exceeded ? seconds(Duration.millis(Math.max(0, untilFull - ((limit - 1) * window) / limit))) : reset,
        exceeded
      }
    },
    onFailure: ({ reason }): RateLimitStatus | undefined =>
      reason._tag === "RateLimitExceeded"
        ? { owner: of, limit, windowSeconds: window / 1000, remaining: 0, resetSeconds: seconds(reason.retryAfter), exceeded: true }
        : undefined
  })
}

const inMemory = Effect.scoped(
  Effect.map(Layer.build(Layer.fresh(RateLimiter.layer.pipe(Layer.provide(Layer.fresh(RateLimiter.layerStoreMemory))))), (services) =>
    Context.get(services, RateLimiter.RateLimiter)
  )
)

/** The store in memory forgets nothing, and there are many addresses: beyond so many all of them begin anew. */
const maxBuckets = 20_000

const local = Effect.gen(function* () {
  let limiter = yield* inMemory
  let names = new Set<string>()
  return (bucket: Bucket, tokens: 0 | 1) => {
    if (names.size < maxBuckets || names.has(bucket.name)) {
      names.add(bucket.name)
      return counted(limiter, bucket, tokens)
    }
    return Effect.flatMap(inMemory, (fresh) => {
      limiter = fresh
      names = new Set([bucket.name])
      return counted(fresh, bucket, tokens)
    })
  }
})

const probe: Bucket = { name: "probe", limit: 1, windowMillis: 1000 }

/** A limiter on Redis until its scope closes, or the reason why there is none, which holds no address and no password. */
const limiterOn = Effect.fnUntraced(function* (url: string, lose: (reason: string) => void) {
  const redis = yield* Effect.mapError(
    connect(url, (error) => lose(redisErrorCode(error))),
    redisErrorCode
  )
  const store = yield* Effect.provideService(RateLimiter.makeStoreRedis({ prefix: "boardwalk:limit:" }), Redis.Redis, redis)
  const limiter = yield* Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, store)
  // A connection alone proves little: a replica refuses writes, a user may not run scripts.
  return (yield* counted(limiter, probe, 0)) === undefined ? yield* Effect.fail("SCRIPT_REFUSED") : limiter
})

/** Tries once whether counts can be kept there; fails with the reason why not. */
export const probeRedis = (url: string): Effect.Effect<void, string> => Effect.scoped(Effect.asVoid(limiterOn(url, () => {})))

/** The limiter on Redis while there is a connection that works. */
const overRedis = Effect.fnUntraced(function* (url: string) {
  let current: { readonly limiter: RateLimiter.RateLimiter; readonly lose: (reason: string) => void } | undefined
  let told = false

  /** Returns the reason why the connection ended, or never was. */
  const onePeriod = Effect.fnUntraced(function* (tried: Deferred.Deferred<void>) {
    const lost = Deferred.makeUnsafe<string>()
    const lose = (reason: string) => {
      current = undefined
      Deferred.doneUnsafe(lost, Effect.succeed(reason))
    }
    const limiter = yield* limiterOn(url, lose)
    current = { limiter, lose }
    if (told) yield* Effect.logInfo("Redis is back: limits are shared again")
    told = false
    yield* Deferred.succeed(tried, undefined)
    return yield* Deferred.await(lost)
  }, Effect.scoped)

  const tried = Deferred.makeUnsafe<void>()
  yield* Effect.forkScoped(
    onePeriod(tried).pipe(
      Effect.catch(Effect.succeed),
      Effect.tap((reason) =>
        Effect.suspend(() => {
          const first = !told
          told = true
          return first
            ? Effect.logWarning("Redis is away: each gateway counts its limits for itself until it is back", { reason })
            : Effect.void
        })
      ),
      Effect.andThen(Deferred.succeed(tried, undefined)),
      Effect.andThen(Effect.sleep("500 millis")),
      Effect.forever
    )
  )
  yield* Deferred.await(tried)
  return () => current
})

export class RateLimits extends Context.Service<
  RateLimits,
  {
    /** Takes one request out of the bucket when it has one. */
    readonly consume: (bucket: Bucket) => Effect.Effect<RateLimitStatus>
    /** Takes nothing. */
    readonly peek: (bucket: Bucket) => Effect.Effect<RateLimitStatus>
    readonly storage: () => RateLimitStorage
  }
>()("boardwalk/ratelimit/RateLimits") {
  static readonly layer = Layer.effect(
    RateLimits,
    Effect.gen(function* () {
      const { redisUrl } = yield* Settings
      // Keys are few and keep their counts whatever number of addresses there are.
      const [ofKeys, ofAddresses] = [yield* local, yield* local]
      const here = (bucket: Bucket, tokens: 0 | 1) =>
        (ownerOf(bucket) === "key" ? ofKeys : ofAddresses)(bucket, tokens) as Effect.Effect<RateLimitStatus> // memory is never away
      const shared = redisUrl === undefined ? undefined : yield* overRedis(Redacted.value(redisUrl))
      const count = (tokens: 0 | 1) => (bucket: Bucket) => {
        const connected = shared?.()
        if (connected === undefined) return here(bucket, tokens)
        // The first to run a script loads it for all that wait: the one that leaves must not take it from the others.
        return Effect.flatMap(Effect.uninterruptible(counted(connected.limiter, bucket, tokens)), (standing) => {
          if (standing !== undefined) return Effect.succeed(standing)
          connected.lose("NO_COUNT")
          return here(bucket, tokens)
        })
      }
      return {
        consume: count(1),
        peek: count(0),
        storage: (): RateLimitStorage => (shared === undefined ? "local" : shared() === undefined ? "unavailable" : "shared")
      }
    })
  )
}
