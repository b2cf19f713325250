/** Two gateways in front of one ThingsBoard, on one Redis: what one of them learns about ThingsBoard holds for the other. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Redacted, Schedule } from "effect"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"
import { hasRedis, redisServer } from "../support/redis.ts"

const path = "/api/tenant/devices"
const list = "/api/v1/tb/devices?page_size=5"
const failing = { path, times: "always", outcome: { type: "Status", status: 503 } } as const

const eventually = <E>(what: Effect.Effect<boolean, E>) =>
  what.pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (holds) => holds, times: 750 }),
    Effect.map((holds) => expect(holds).toBe(true))
  )

const site = Effect.gen(function* () {
  const redis = yield* redisServer
  yield* redis.start
  const settings = {
    redisUrl: Redacted.make(redis.url),
    cacheTtl: Duration.zero,
    tbBreakerFailures: 10,
    tbBreakerPause: Duration.seconds(3)
  }
  const one = yield* gateway({ untraced: true, settings })
  const other = yield* gateway({ untraced: true, settings: { ...settings, tbHost: one.emulator.url } })
  for (const { call } of [one, other]) expect((yield* call(list)).status).toBe(200)
  const { faults } = one.emulator
  const state = ({ call }: typeof one) => Effect.map(call("/ready"), ({ json }) => json.thingsboard_calls)
  const isOpen = (of: typeof one) => Effect.map(state(of), ({ circuit_open }) => circuit_open as boolean)
  const isClosed = (of: typeof one) => Effect.map(isOpen(of), (open) => !open)
  const openOne = Effect.gen(function* () {
    yield* Effect.sleep("2.1 seconds") // a gateway with a success in the last second would not follow
    faults.inject(failing)
    for (let i = 0; i < 10; i++) yield* one.call(list)
    expect(yield* isOpen(one)).toBe(true)
    faults.clearCalls()
  })
  const says = ({ logs }: typeof one, text: string) => logs.filter((line) => line.includes(text)).length
  return { redis, one, other, faults, state, isOpen, isClosed, openOne, says, upstream: () => faults.calls({ path }) }
})

describe.skipIf(!hasRedis)("gateways on one Redis", () => {
  live(
    "stop their calls together when the circuit breaker of one opens, send one probe at a time, and go on together",
    () =>
      Effect.gen(function* () {
        const { faults, isClosed, isOpen, one, openOne, other, upstream } = yield* site
        yield* openOne
        yield* eventually(isOpen(other))
        const { headers, json, status } = yield* other.call(list)
        expect([status, json.error_code]).toEqual([503, "UPSTREAM_UNAVAILABLE"])
        expect(Number(headers.get("retry-after"))).toBeLessThanOrEqual(4)
        expect(upstream()).toEqual([])

        // After the first pause one of them tries once, and both wait for the second one, which is longer.
        const began = performance.now()
        yield* eventually(
          Effect.map(
            Effect.all([one.call(list), other.call(list)], { concurrency: 2 }),
            () => upstream().length > 0 || performance.now() - began > 10_000
          )
        )
        const probes = upstream().length
        for (let i = 0; i < 20; i++) yield* Effect.all([one.call(list), other.call(list), Effect.sleep("100 millis")], { concurrency: 3 })
        expect([probes, upstream().length]).toEqual([1, 1])
        faults.clearFaults()
        const reads = Effect.all([one.call(list), other.call(list)], { concurrency: 2 })
        yield* eventually(Effect.map(reads, (responses) => responses.every(({ status: found }) => found === 200)))
        expect(yield* isClosed(one)).toBe(true)
        expect(yield* isClosed(other)).toBe(true)
      }),
    120_000
  )

  live(
    "pause a user of ThingsBoard together after a 429",
    () =>
      Effect.gen(function* () {
        const { faults, one, other, state, upstream } = yield* site
        faults.inject({ path, outcome: { type: "Status", status: 429, headers: { "retry-after": "5" } } })
        const briefly = { headers: { prefer: "wait=1" } }
        expect((yield* one.call(list, briefly)).status).toBe(503)
        const pausedAt = performance.now()
        faults.clearCalls()
        yield* eventually(Effect.map(state(other), ({ paused_users }) => paused_users === 1))
        expect(performance.now() - pausedAt).toBeLessThan(3000)
        const { headers, status } = yield* other.call(list, briefly)
        expect(status).toBe(503)
        expect(Number(headers.get("retry-after"))).toBeLessThanOrEqual(5)
        expect(upstream()).toEqual([])
        // What can wait, waits.
        expect((yield* other.call(list)).status).toBe(200)
        expect(performance.now() - pausedAt).toBeGreaterThan(4900)
        expect((yield* one.call(list)).status).toBe(200)
      }),
    120_000
  )

  live(
    "go on by themselves while Redis is away, and share again when it is back",
    () =>
      Effect.gen(function* () {
        const { faults, isClosed, isOpen, one, openOne, other, redis, says } = yield* site
        yield* redis.kill
        yield* eventually(Effect.sync(() => says(one, "are not shared") === 1 && says(other, "are not shared") === 1))
        yield* openOne
        yield* Effect.sleep("2 seconds")
        expect(yield* isClosed(other)).toBe(true)
        faults.clearFaults()
        expect((yield* other.call(list)).status).toBe(200)
        yield* eventually(Effect.map(one.call(list), ({ status }) => status === 200))

        yield* redis.start
        yield* eventually(
          Effect.sync(
            () => says(one, "are shared with other gateways again") === 1 && says(other, "are shared with other gateways again") === 1
          )
        )
        yield* openOne
        yield* eventually(isOpen(other))
        expect(says(one, "are not shared")).toBe(1)
        for (const { logs } of [one, other]) expect(logs.join("\n")).not.toContain(redis.url)
      }),
    120_000
  )
})
