/** The system's clock is set back or forward while the gateway runs: nothing waits for the old time, and nothing ends early. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Redacted, Schedule } from "effect"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"
import { hasRedis, redisServer } from "../support/redis.ts"
import { makeSteppingClock } from "../support/steppingClock.ts"

const hour = 60 * 60_000
const devices = "/api/v1/tb/devices?page_size=1"

const eventually = <E>(what: Effect.Effect<boolean, E>) =>
  what.pipe(
    Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (holds) => holds, times: 200 }),
    Effect.map((holds) => expect(holds).toBe(true))
  )

describe("after the clock was set back by an hour", () => {
  live("an empty bucket is refilled as fast as before", () =>
    Effect.gen(function* () {
      const { clock, stepBy } = makeSteppingClock()
      const { call } = yield* gateway({ clock, settings: { rateLimit: { requests: 2, window: Duration.seconds(2) } } })
      yield* eventually(Effect.map(call(devices), ({ status }) => status === 429))
      stepBy(-hour)
      yield* eventually(Effect.map(call(devices), ({ status }) => status === 200))
    })
  )

  live("a failed login is repeated as soon as before", () =>
    Effect.gen(function* () {
      const { clock, stepBy } = makeSteppingClock()
      const { call, emulator } = yield* gateway({ clock })
      emulator.faults.inject({ path: "/api/auth/login", times: 1, outcome: { type: "Status", status: 500 } })
      expect((yield* call(devices)).status).toBe(502)
      stepBy(-hour)
      yield* eventually(Effect.map(call(devices), ({ status }) => status === 200))
    })
  )
})

describe.if(hasRedis)("gateways that share Redis", () => {
  live("share one limit, although the clock of one is an hour ahead", () =>
    Effect.gen(function* () {
      const { start, url } = yield* redisServer
      yield* start
      const settings = { redisUrl: Redacted.make(url), rateLimit: { requests: 4, window: Duration.hours(1) } }
      const ahead = yield* gateway({ clock: makeSteppingClock(hour).clock, settings })
      const correct = yield* gateway({ settings })
      const status = ({ call }: typeof correct) => Effect.map(call(devices), (response) => response.status)
      for (const one of [correct, ahead, correct, ahead]) expect(yield* status(one)).toBe(200)
      for (const one of [correct, ahead, correct, ahead]) expect(yield* status(one)).toBe(429)
    })
  )
})
