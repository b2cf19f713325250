/** The spool in Redis: what `contract.ts` says of every spool, how gateways share it, and what happens when Redis fails. */
import { describe, expect } from "bun:test"
import { Clock, Deferred, Effect, Fiber, Logger, Schedule } from "effect"
import { join } from "node:path"
import { connect } from "../../src/platform/BunRedis.ts"
import { inspectSpool, openSpool } from "../../src/spool/redis/openSpool.ts"
import type { Spool } from "../../src/spool/Spool.ts"
import { clockOf } from "../support/clockOf.ts"
import { live } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { makeFastClock } from "../support/movableClock.ts"
import { durable, hasRedis, redisServer, redisServerWith } from "../support/redis.ts"
import { testSpool } from "./contract.ts"
import { batch, devices, finishNext, next } from "./open.ts"

const limits = { bytes: 1e9, age: 1e9 }

const started = Effect.tap(redisServer, ({ start }) => start)

/** A gateway that does nothing any more of its own accord, such as renewing its lease, as if it had been killed. */
const openDead = (url: string) =>
  Effect.flatMap(Clock.Clock, (real) =>
    Effect.provideService(
      openSpool(url, limits),
      Clock.Clock,
      clockOf({
        millis: () => real.currentTimeMillisUnsafe(),
        nanos: () => real.currentTimeNanosUnsafe(),
        monotonicNanos: () => real.monotonicTimeNanosUnsafe(),
        sleep: () => Effect.never
      })
    )
  )

/** Until Redis is connected again. */
const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.retry(effect, { schedule: Schedule.spaced("20 millis"), times: 250 })

/** With the lines that it logs. */
const logged = <A, E, R>(run: (lines: ReadonlyArray<string>) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))
    return Effect.provide(run(lines), Logger.layer([logger]))
  })

/** Delivers points of a device until it is interrupted; succeeds when it has begun. */
const hold = Effect.fnUntraced(function* (spool: Spool) {
  const begun = Deferred.makeUnsafe<void>()
  const fiber = yield* Effect.forkChild(spool.withDevice("a", Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)))
  yield* Deferred.await(begun)
  return fiber
})

const use = (spool: Spool) => spool.withDevice("a", Effect.succeed("used"))

describe.skipIf(!hasRedis)("a spool in Redis", () => {
  testSpool(Effect.map(started, ({ url }) => ({ open: (given) => openSpool(url, given), inspect: inspectSpool(url) })))

  live("one gateway at a time has a device, and another one when it is given up", () =>
    Effect.gen(function* () {
      const { url } = yield* started
      const [one, other] = [yield* openSpool(url, limits), yield* openSpool(url, limits)]
      const holder = yield* hold(one)
      // Nor has another key of the same gateway.
      expect([yield* use(other), yield* use(one)]).toEqual([undefined, undefined])
      expect(yield* other.withDevice("b", Effect.succeed("used"))).toBe("used")
      yield* Fiber.interrupt(holder)
      expect(yield* use(other)).toBe("used")
    })
  )

  live("a gateway that is gone loses its devices and what it had not accepted yet", () =>
    Effect.gen(function* () {
      const { url } = yield* started
      const dead = yield* openDead(url)
      const redis = yield* connect(url, () => {})
      const [lease] = yield* redis.send<ReadonlyArray<string>>("KEYS", "*:lease:*")
      expect(yield* redis.send<number>("PTTL", lease!)).toBeWithin(10_000, 15_001)
      const other = yield* openSpool(url, limits)
      yield* hold(dead)
      const staged = yield* dead.stage({ id: "1", owner: "key" })
      yield* staged.append(batch("1", { a: ["1"] }).devices)
      yield* other.forget(1000, 1000)
      expect([yield* use(other), (yield* other.waiting).bytes]).toEqual([undefined, 23])
      yield* redis.send("DEL", lease!)
      yield* other.forget(1000, 1000)
      expect([yield* use(other), (yield* other.waiting).bytes]).toEqual(["used", 0])
      expect(yield* Effect.flip(staged.append(batch("1", { a: ["2"] }).devices))).toMatchObject({ code: "IMPORT_LOST" })
      expect(yield* Effect.flip(staged.accept)).toMatchObject({ code: "IMPORT_LOST" })
      expect(yield* Effect.flip(dead.withDevice("b", Effect.succeed("used")))).toMatchObject({ code: "LEASE_ENDED" })
      expect(yield* other.batch("1")).toBeUndefined()
    })
  )

  live("a gateway that cannot reach Redis stops delivering before another one may begin", () =>
    Effect.gen(function* () {
      const { kill, url } = yield* started
      const { clock, moveForward } = yield* makeFastClock(10)
      const spool = yield* Effect.provideService(openSpool(url, limits), Clock.Clock, clock)
      const delivery = yield* hold(spool)
      yield* kill
      yield* Effect.sleep("200 millis")
      expect(delivery.pollUnsafe()).toBeUndefined()
      moveForward("11 seconds")
      expect(yield* Effect.flip(Fiber.join(delivery))).toMatchObject({ _tag: "SpoolFailed", code: "LEASE_ENDED" })
    })
  )

  live("what was acknowledged survives that Redis is killed; meanwhile nothing is acknowledged", () =>
    logged((lines) =>
      Effect.gen(function* () {
        const { kill, start, url } = yield* redisServerWith(durable)
        // Redis is not there when the gateway starts.
        const spool = yield* openSpool(url, limits)
        expect(yield* Effect.flip(spool.add(batch("0", { a: ["0"] })))).toMatchObject({ _tag: "SpoolFailed" })
        yield* start
        const acknowledged: Array<string> = []
        for (let round = 0; round < 3; round++) {
          yield* eventually(spool.waiting)
          const writer = yield* Effect.forkChild(
            Effect.gen(function* () {
              for (let n = 0; ; n++) {
                const id = `${round}-${n}`
                yield* spool.add(batch(id, { a: [String(acknowledged.length)], b: ["1"] }))
                acknowledged.push(id)
              }
            })
          )
          const before = acknowledged.length
          while (acknowledged.length < before + 20) yield* Effect.sleep("5 millis")
          yield* kill
          expect(yield* Effect.flip(Fiber.join(writer))).toMatchObject({ _tag: "SpoolFailed" })
          yield* start
        }
        const found = yield* eventually(next(spool, "a", Infinity))
        const ids = found.map((entry) => entry.batch)
        expect(acknowledged.length).toBeGreaterThanOrEqual(60)
        // What was not acknowledged may be there as well, but at the end of its round only.
        expect(ids.filter((id) => acknowledged.includes(id))).toEqual(acknowledged)
        expect(ids.length).toBeLessThanOrEqual(acknowledged.length + 3)
        expect(yield* spool.waiting).toMatchObject({ entries: 2 * ids.length, points: 2 * ids.length })
        expect(lines.filter((line) => line.includes("Redis is not available")).length).toBeGreaterThan(2)
        expect(lines.join("\n")).not.toContain(canaries.urlPassword)
        expect(lines.join("\n")).not.toContain(new URL(url).port)
      })
    )
  )

  live("an import that fails while Redis is away leaves nothing behind", () =>
    Effect.gen(function* () {
      const { kill, start, url } = yield* redisServerWith(durable)
      yield* start
      const { clock } = yield* makeFastClock(50)
      const spool = yield* Effect.provideService(openSpool(url, limits), Clock.Clock, clock)
      const failed = Effect.scoped(
        Effect.gen(function* () {
          const staged = yield* spool.stage({ id: "1", owner: "key" })
          yield* staged.append(batch("1", { a: ["1"] }).devices)
          yield* kill
          yield* staged.append(batch("1", { a: ["2"] }).devices)
        })
      )
      expect(yield* Effect.flip(failed)).toMatchObject({ _tag: "SpoolFailed" })
      yield* start
      while ((yield* eventually(spool.waiting)).bytes > 0) yield* Effect.sleep("20 millis")
      expect(yield* spool.batch("1")).toBeUndefined()
    })
  )

  live("without free memory uploads are refused as a whole, what waits can be delivered, and then there is room again", () =>
    Effect.gen(function* () {
      const { start, url } = yield* redisServerWith(["maxmemory 4mb", "maxmemory-policy noeviction"])
      yield* start
      const spool = yield* openSpool(url, limits)
      const large = (id: string) => batch(id, { a: ["1".repeat(50_000)], b: ["2"] })
      let accepted = 0
      const fill = Effect.forever(
        Effect.tap(
          Effect.suspend(() => spool.add(large(String(accepted)))),
          () => Effect.sync(() => accepted++)
        )
      )
      expect(yield* Effect.flip(fill)).toMatchObject({ _tag: "SpoolFull", limit: "memory" })
      expect(yield* spool.waiting).toMatchObject({ entries: 2 * accepted })
      const staged = yield* spool.stage({ id: "import", owner: "key" })
      expect(yield* Effect.flip(staged.append(large("import").devices))).toMatchObject({ _tag: "SpoolFull", limit: "memory" })
      const entries = yield* next(spool, "a", accepted)
      expect(yield* use(spool)).toBe("used")
      yield* spool.finish(entries.map((entry) => ({ entry, rejected: [] })))
      for (const entry of yield* next(spool, "b", accepted))
        yield* spool.finish([{ entry, rejected: [{ points: entry.points, reason: "bad" }] }])
      expect(yield* spool.waiting).toMatchObject({ entries: 0, rejected: accepted })
      yield* spool.add(large("again"))
    })
  )

  live("a server that removes keys when its memory is full is not used", () =>
    logged((lines) =>
      Effect.gen(function* () {
        const { start, url } = yield* redisServerWith(["maxmemory 100mb", "maxmemory-policy allkeys-lru"])
        yield* start
        const spool = yield* openSpool(url, limits)
        expect(yield* Effect.flip(spool.add(batch("1", { a: ["1"] })))).toMatchObject({ _tag: "SpoolFailed" })
        expect(lines.join("\n")).toContain("KEYS_ARE_EVICTED")
        expect(yield* Effect.flip(inspectSpool(url))).toBe("KEYS_ARE_EVICTED")
      })
    )
  )

  live("nothing is left when everything is delivered and forgotten", () =>
    Effect.gen(function* () {
      const { url } = yield* started
      const spool = yield* openSpool(url, limits)
      yield* spool.add(batch("1", { a: ["1"], b: ["2"] }))
      const staged = yield* spool.stage({ id: "2", owner: "key" })
      yield* staged.append([{ device: { name: "Boiler" }, points: [{ key: "k", ts: 0, token: "1" }] }, ...batch("2", { a: ["1"] }).devices])
      yield* staged.accept
      yield* spool.resolve({ owner: "key", name: "Boiler" }, "c")
      yield* finishNext(spool, "b", "bad")
      for (const id of yield* devices(spool)) yield* spool.finish((yield* next(spool, id, 10)).map((entry) => ({ entry, rejected: [] })))
      yield* Effect.sleep("3 millis")
      expect(yield* spool.forget(1, 100)).toEqual({ batches: 2, points: 1 })
      const redis = yield* connect(url, () => {})
      const keys = (yield* redis.send<ReadonlyArray<string>>("KEYS", "*")).filter((key) => !key.includes(":lease:"))
      expect(keys.toSorted()).toEqual(["boardwalk:spool:seq", "boardwalk:spool:totals"])
      expect(yield* redis.send<ReadonlyArray<string>>("HVALS", "boardwalk:spool:totals")).toEqual(["0", "0", "0", "0", "0"])
    })
  )

  live("a user with the permissions of the documentation can do all of it, and one with fewer is reported", () =>
    Effect.gen(function* () {
      const text = yield* Effect.promise(() => Bun.file(join(import.meta.dir, "..", "..", "docs", "store-and-forward.md")).text())
      const rules = /`(~boardwalk:spool:\*[^`]*)`/.exec(text)![1]!
      const user = (name: string, granted: string) => `user ${name} on >${canaries.urlPassword} ${granted}`
      const { start, url } = yield* redisServerWith([user("gateway", rules), user("reader", "~* +@read +@connection")])
      yield* start
      const as = (name: string) => url.replace("redis://", `redis://${name}`)
      const spool = yield* openSpool(as("gateway"), limits)
      yield* spool.add(batch("1", { a: ["1"], b: ["2"] }))
      const staged = yield* spool.stage({ id: "2", owner: "key" })
      yield* staged.append([{ device: { name: "Boiler" }, points: [{ key: "k", ts: 0, token: "1" }] }])
      yield* staged.accept
      expect([yield* spool.names("key", 1), yield* use(spool), (yield* spool.ofOwner("key")).length]).toEqual([["Boiler"], "used", 1])
      yield* spool.resolve({ owner: "key", name: "Boiler" }, "c")
      yield* finishNext(spool, "a", "bad")
      expect(yield* spool.retry(undefined)).toBe(1)
      yield* finishNext(spool, "c")
      yield* Effect.sleep("3 millis")
      expect(yield* spool.forget(1, 100)).toEqual({ batches: 1, points: 0 })
      expect(yield* spool.drop("1")).toBe(2)
      expect(yield* inspectSpool(as("gateway"))).toMatchObject({ appendOnly: false })
      expect(yield* Effect.flip(inspectSpool(as("reader")))).toBe("NOPERM")
    })
  )

  live("a gateway that stops gives its lease up", () =>
    Effect.gen(function* () {
      const { url } = yield* started
      const redis = yield* connect(url, () => {})
      const leases = redis.send<ReadonlyArray<string>>("KEYS", "*:lease:*")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* openSpool(url, limits)
          expect(yield* leases).toHaveLength(1)
        })
      )
      expect(yield* leases).toEqual([])
    })
  )
})
