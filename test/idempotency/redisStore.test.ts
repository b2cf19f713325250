/** Responses in Redis: one claim for all gateways, which outlives neither its request nor, for long, its gateway. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { Claimed, KeptResponse } from "../../src/idempotency/model.ts"
import { makeRedisStore } from "../../src/idempotency/redisStore.ts"
import { connect } from "../../src/platform/BunRedis.ts"
import { live } from "../support/effectTest.ts"
import { hasRedis, redisServer } from "../support/redis.ts"

const kept: KeptResponse = {
  fingerprint: "f",
  bodyBytes: 7,
  status: 201,
  headers: { location: "/x" },
  contentType: "application/json",
  body: Buffer.from('{"a":"é"}')
}
const name = { caller: "key-1", operation: "POST /x", key: "secret-looking key" }

const open = Effect.gen(function* () {
  const server = yield* redisServer
  yield* server.start
  const redis = yield* connect(server.url, () => {})
  const store = makeRedisStore(() => redis, 60_000)
  const keys = redis.send<ReadonlyArray<string>>("KEYS", "*")
  /** What happens when a gateway was killed and its claim expires. */
  const expireAll = Effect.flatMap(keys, (all) => redis.send("DEL", ...all))
  return { redis, store, keys, expireAll }
})

describe.skipIf(!hasRedis)("with Redis", () => {
  live("one of many gateways that ask at once gets the claim, and all get the response later", () =>
    Effect.gen(function* () {
      const { keys, redis, store } = yield* open
      const claims = yield* Effect.all(
        Array.from({ length: 50 }, () => store.claim(name)),
        { concurrency: 50 }
      )
      const claimed = claims.filter(({ _tag }) => _tag === "Claimed")
      expect([claimed.length, claims.filter(({ _tag }) => _tag === "Running").length]).toEqual([1, 49])
      const [stored] = yield* keys
      expect(stored).toMatch(/^boardwalk:idempotency:[\da-f]{64}$/)
      // A gateway that is killed does not keep its claim for long.
      expect(yield* redis.send<number>("PTTL", stored!)).toBeWithin(20_000, 30_001)
      yield* (claimed[0] as Claimed).keep(kept)
      expect(yield* redis.send<number>("PTTL", stored!)).toBeWithin(50_000, 60_001)
      const found = yield* store.claim(name)
      expect(found._tag === "Finished" && { ...found.response, body: Buffer.from(found.response.body).toString() }).toEqual({
        ...kept,
        body: '{"a":"é"}'
      } as never)
      expect((yield* store.claim({ ...name, caller: "key-2" }))._tag).toBe("Claimed")
    })
  )

  live("a claim that expired belongs to the next request: the first one neither keeps, renews nor releases anything", () =>
    Effect.gen(function* () {
      const { expireAll, redis, store } = yield* open
      const first = (yield* store.claim(name)) as Claimed
      yield* expireAll
      const second = (yield* store.claim(name)) as Claimed
      expect(second._tag).toBe("Claimed")
      yield* first.keep(kept)
      yield* first.release
      expect((yield* store.claim(name))._tag).toBe("Running")
      yield* second.release
      expect((yield* store.claim(name))._tag).toBe("Claimed")
      expect((yield* redis.send<ReadonlyArray<string>>("KEYS", "*")).length).toBe(1)
    })
  )

  live("a claim is renewed while its request runs", () =>
    Effect.gen(function* () {
      const { keys, redis, store } = yield* open
      const claim = (yield* store.claim(name)) as Claimed
      const [stored] = yield* keys
      yield* redis.send("PEXPIRE", stored!, "5000")
      yield* Effect.raceFirst(claim.renew, Effect.sleep("300 millis"))
      expect(yield* redis.send<number>("PTTL", stored!)).toBeGreaterThan(20_000)
    })
  )
})

live("without a connection there is no claim", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(makeRedisStore(() => undefined, 60_000).claim(name))
    expect(error._tag).toBe("StoreUnavailable")
  })
)
