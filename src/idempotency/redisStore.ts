/** Keeps responses in Redis, so that any gateway returns them. */
import { Effect, Schedule, Schema } from "effect"
import { Redis } from "effect/persistence"
import { randomBytes, sha256Hex } from "../platform/Digest.ts"
import { type Claim, type KeptResponse, type RequestName, type Store, StoreUnavailable } from "./model.ts"

const prefix = "boardwalk:idempotency:"

/**
 * How long the claim of a gateway lasts that does not renew it, since it was killed. Until then repeats get 409. It is renewed several times
 * in this time, so that a slow Redis does not end the claim of a request that runs.
 */
const claimMillis = 30_000
const renewEvery = "8 seconds"

const Stored = Schema.fromJsonString(
  Schema.Struct({
    fingerprint: Schema.String,
    bodyBytes: Schema.Int,
    status: Schema.Int,
    headers: Schema.Record(Schema.String, Schema.String),
    contentType: Schema.String,
    body: Schema.Uint8ArrayFromBase64
  })
)
const encode = Schema.encodeSync(Stored)
const decode = Schema.decodeEffect(Stored)

/** A claim is stored as this mark and an id of its own, a response as JSON. */
const runningMark = "running:"

/** Each changes the value only if it is still the given claim: it may have expired and belong to another request. */
const ifClaimed = (command: string) =>
  Redis.script((key: string, claim: string, millis: number, value: string) => [key, claim, millis, value], {
    numberOfKeys: 1,
    lua: `if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end ${command} return 1`
  }).withReturnType<number>()

const renewClaim = ifClaimed(`redis.call("PEXPIRE", KEYS[1], ARGV[2])`)
const replaceClaim = ifClaimed(`redis.call("SET", KEYS[1], ARGV[3], "PX", ARGV[2])`)
const deleteClaim = ifClaimed(`redis.call("DEL", KEYS[1])`)

/** What `SET` with `NX` and what `GET` return for a missing value. */
type Answer = string | null

/** The name's parts are of limited length, and may contain what callers do not want to see in Redis's logs. */
const keyOf = ({ caller, key, operation }: RequestName) => prefix + sha256Hex(JSON.stringify([caller, operation, key]))

/** `connected` returns the connection that can be used now. Needs the permission to run scripts, and `GET`, `SET`, `PEXPIRE` and `DEL`. */
export const makeRedisStore = (connected: () => Redis.Redis["Service"] | undefined, ttlMillis: number): Store => {
  const withRedis = <A, E>(use: (redis: Redis.Redis["Service"]) => Effect.Effect<A, E>): Effect.Effect<A, StoreUnavailable> =>
    Effect.suspend(() => {
      const redis = connected()
      // Concurrent requests share the loading of a script, so the interruption of one request must not abort it for the others.
      return redis === undefined
        ? Effect.fail(new StoreUnavailable())
        : Effect.mapError(Effect.uninterruptible(use(redis)), () => new StoreUnavailable())
    })

  const claimed = (key: string, claim: string): Claim => {
    const change = (script: typeof renewClaim, millis: number, value = "") =>
      Effect.ignore(withRedis((redis) => redis.eval(script)(key, claim, millis, value)))
    return {
      _tag: "Claimed",
      keep: (response: KeptResponse) => change(replaceClaim, ttlMillis, encode(response)),
      release: change(deleteClaim, claimMillis),
      renew: Effect.andThen(Effect.repeat(change(renewClaim, claimMillis), Schedule.spaced(renewEvery)), Effect.never)
    }
  }

  return {
    claim: Effect.fnUntraced(function* (name) {
      const key = keyOf(name)
      const claim = runningMark + Buffer.from(randomBytes(16)).toString("hex")
      const set = yield* withRedis((redis) => redis.send<Answer>("SET", key, claim, "NX", "PX", String(claimMillis)))
      if (set !== null) return claimed(key, claim)
      const found = yield* withRedis((redis) => redis.send<Answer>("GET", key))
      // What ended between the two commands counts as running: the client tries again a second later.
      if (found === null || found.startsWith(runningMark)) return { _tag: "Running" }
      return { _tag: "Finished", response: yield* Effect.mapError(decode(found), () => new StoreUnavailable()) }
    })
  }
}

/** Runs every command that the store needs, on a name of its own, which is removed. Fails if Redis does not run one of them. */
export const probeIdempotency = Effect.fnUntraced(function* (redis: Redis.Redis["Service"]): Effect.fn.Return<void, Redis.RedisError> {
  const key = `${prefix}probe:${crypto.randomUUID()}`
  const [claim, kept] = [`${runningMark}probe`, "probe"]
  yield* redis.send<Answer>("SET", key, claim, "NX", "PX", String(claimMillis))
  yield* redis.send<Answer>("GET", key)
  yield* redis.eval(renewClaim)(key, claim, claimMillis, "")
  yield* redis.eval(replaceClaim)(key, claim, claimMillis, kept)
  yield* redis.eval(deleteClaim)(key, kept, claimMillis, "")
})
