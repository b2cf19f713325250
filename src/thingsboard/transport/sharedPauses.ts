/**
 * Shares the circuit breaker, and the pauses of users after 429, with all gateways that use the same Redis and the same TB_HOST. All of it is done in the
 * background, once a second and when a pause begins: no call waits for Redis. While Redis is away, each gateway goes on by itself.
 *
 * Redis lets everything expire, so that no clock is compared with another. Of users it gets digests.
 */
import { Clock, Effect, Queue, type Scope } from "effect"
import { Redis } from "effect/persistence"
import { redisErrorCode } from "../../platform/BunRedis.ts"
import { sha256Hex } from "../../platform/Digest.ts"
import { monotonicMillis } from "../../platform/monotonicTime.ts"
import { keepRedisConnected } from "../../platform/redisConnection.ts"
import type { CircuitBreaker } from "./CircuitBreaker.ts"
import type { UserPauses } from "./UserPauses.ts"

/** What other gateways should know. `until`: the end of the pause, in ms of the monotonic clock. */
export type News =
  | { readonly _tag: "Opened"; readonly until: number }
  | { readonly _tag: "Closed" }
  | { readonly _tag: "UserPaused"; readonly user: string; readonly until: number }

const pollInterval = "1 second"
/** Ms for which one gateway alone may send a probe; longer while the probe is on its way. */
const lease = 5000
/** Ms for which the others can see that a probe has succeeded. */
const closedMillis = 5000
/** Ms for which the names of paused users are kept: longer than any pause. */
const usersMillis = 60_000
/** Ms. The rest of a pause is not worth following: this gateway's own may have ended just now. */
const minFollowed = 100

const publishOpened = Redis.script((prefix: string, pause: number) => [prefix, pause], {
  numberOfKeys: 1,
  lua: `
redis.call("SET", KEYS[1] .. "open", "1", "PX", ARGV[1])
redis.call("DEL", KEYS[1] .. "closed", KEYS[1] .. "probe")
return 1
`
}).withReturnType<number>()

const publishClosed = Redis.script((prefix: string) => [prefix, closedMillis], {
  numberOfKeys: 1,
  lua: `
redis.call("SET", KEYS[1] .. "closed", "1", "PX", ARGV[1])
redis.call("DEL", KEYS[1] .. "open", KEYS[1] .. "probe")
return 1
`
}).withReturnType<number>()

const publishUserPaused = Redis.script((prefix: string, user: string, pause: number) => [prefix, user, pause, usersMillis], {
  numberOfKeys: 1,
  lua: `
redis.call("SET", KEYS[1] .. "user:" .. ARGV[1], "1", "PX", ARGV[2])
redis.call("SADD", KEYS[1] .. "users", ARGV[1])
redis.call("PEXPIRE", KEYS[1] .. "users", ARGV[3])
return 1
`
}).withReturnType<number>()

/**
 * Returns the ms of the breaker's pause that are left (or less than 0), whether it has been closed lately, whether this gateway may send a probe, and the paused
 * users, each followed by the ms that are left. Only one gateway at a time gets the permission for a probe.
 */
const poll = Redis.script(
  (prefix: string, gateway: string, wantsProbe: 0 | 1, isProbing: 0 | 1) => [prefix, gateway, wantsProbe, isProbing, lease],
  {
    numberOfKeys: 1,
    lua: `
local prefix, gateway, lease = KEYS[1], ARGV[1], ARGV[4]
local open = redis.call("PTTL", prefix .. "open")
local holder = redis.call("GET", prefix .. "probe")
local permitted = 0
if holder == gateway and (ARGV[2] == "1" or ARGV[3] == "1") then
  redis.call("PEXPIRE", prefix .. "probe", lease)
  permitted = 1
elseif open <= 0 and ARGV[2] == "1" and redis.call("SET", prefix .. "probe", gateway, "NX", "PX", lease) then
  permitted = 1
end
local found = { open, redis.call("EXISTS", prefix .. "closed"), permitted }
for _, user in ipairs(redis.call("SMEMBERS", prefix .. "users")) do
  local left = redis.call("PTTL", prefix .. "user:" .. user)
  if left > 0 then
    table.insert(found, user)
    table.insert(found, left)
  else
    redis.call("SREM", prefix .. "users", user)
  end
end
return found
`
  }
).withReturnType<readonly [open: number, closed: number, permitted: number, ...users: ReadonlyArray<string | number>]>()

const commonPrefix = "boardwalk:thingsboard:"

/**
 * Runs every command that sharing needs, on names of its own, which are removed, or expire within a minute. Fails if Redis does not run one
 * of them.
 */
export const probeSharedPauses = (redis: Redis.Redis["Service"]): Effect.Effect<void, Redis.RedisError> => {
  const [gateway, user] = [crypto.randomUUID(), "user"]
  const prefix = `${commonPrefix}probe:${gateway}:`
  const names = ["open", "closed", "probe", "users", `user:${user}`].map((name) => prefix + name)
  return Effect.gen(function* () {
    yield* redis.eval(publishUserPaused)(prefix, user, 1)
    // Now the pause is over, so that the user is removed.
    yield* Effect.sleep("20 millis")
    yield* redis.eval(poll)(prefix, gateway, 1, 0)
    // Now this gateway may send a probe, and keeps the permission.
    yield* redis.eval(poll)(prefix, gateway, 0, 1)
    yield* redis.eval(publishOpened)(prefix, lease)
    yield* redis.eval(publishClosed)(prefix)
  }).pipe(Effect.ensuring(Effect.ignore(redis.send("DEL", ...names))))
}

export interface SharedPausesOptions {
  readonly url: string
  readonly host: string
  readonly breaker: CircuitBreaker | undefined
  readonly pauses: UserPauses
  /** This gateway's own news. */
  readonly news: Queue.Dequeue<News>
}

/** Hears from Redis once, and returns what goes on exchanging until Redis fails. From then on, a probe of the breaker needs a permission. */
const makeExchange = Effect.fnUntraced(function* (redis: Redis.Redis["Service"], { breaker, host, news, pauses }: SharedPausesOptions) {
  const clock = yield* Clock.Clock
  const now = () => monotonicMillis(clock)
  const prefix = `${commonPrefix}${sha256Hex(host).slice(0, 16)}:`
  const gateway = crypto.randomUUID()
  const publish = Effect.flatMap(Queue.take(news), (found) => {
    if (found._tag === "Closed") return redis.eval(publishClosed)(prefix)
    const left = Math.ceil(found.until - now())
    if (left <= 0) return Effect.void
    return found._tag === "Opened" ? redis.eval(publishOpened)(prefix, left) : redis.eval(publishUserPaused)(prefix, found.user, left)
  })
  const follow = Effect.gen(function* () {
    const asked = breaker?.needsPermission === true ? 1 : 0
    const [open, closed, permitted, ...users] = yield* redis.eval(poll)(prefix, gateway, asked, breaker?.isProbing === true ? 1 : 0)
    if (open > minFollowed) breaker?.follow(open, now())
    else if (closed === 1) breaker?.followEnd(now())
    if (permitted === 1) breaker?.permitProbe(lease, now())
    for (let i = 0; i < users.length; i += 2) {
      const left = Number(users[i + 1])
      if (left > minFollowed) pauses.follow(String(users[i]), left)
    }
  })
  // Whoever has not heard from Redis yet needs no permission.
  yield* follow
  breaker?.permitProbe(0, now())
  const polling = Effect.forever(Effect.andThen(Effect.sleep(pollInterval), follow))
  return Effect.raceFirst(Effect.forever(publish), polling)
})

/** Shares until the scope closes. */
export const sharePauses = Effect.fnUntraced(function* (options: SharedPausesOptions): Effect.fn.Return<void, never, Scope.Scope> {
  const { breaker, url } = options
  const clock = yield* Clock.Clock
  const connect = keepRedisConnected({
    url,
    prepare: Effect.fnUntraced(function* (redis, lose) {
      const exchange = yield* Effect.mapError(makeExchange(redis, options), redisErrorCode)
      yield* Effect.forkScoped(Effect.catch(exchange, (error) => Effect.sync(() => lose(redisErrorCode(error)))))
    }),
    logRecovery: Effect.logInfo("Pauses of calls to ThingsBoard are shared with other gateways again"),
    logOutage: (reason) =>
      Effect.suspend(() => {
        breaker?.permitProbe(undefined, monotonicMillis(clock))
        return Effect.logWarning("Pauses of calls to ThingsBoard are not shared with other gateways", { reason })
      })
  })
  // The first attempt to connect need not hold up the start.
  yield* Effect.forkScoped(connect)
})
