/** Events that clients repeat: which are logged, which are counted, and what they take in memory. */
import { describe, expect, test } from "bun:test"
import { Effect, Metric } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { type Event, makeRepeatedEvents, RepeatedEvents } from "../../../src/http/logging/RepeatedEvents.ts"
import * as Logs from "../../../src/observability/Logs.ts"
import { effect } from "../../support/effectTest.ts"

const event = (address: string, reason = "missing", keyId?: string): Event => ({
  message: "Security event: 401",
  fields: { status: 401, reason },
  address,
  keyId
})

const lines = Effect.map(TestConsole.logLines, (all) => all.map((line) => JSON.parse(String(line))))

describe("a repeated event", () => {
  effect("is logged once at the start, and then as a number per minute, as long as it is repeated", () =>
    Effect.gen(function* () {
      const events = yield* makeRepeatedEvents
      const record = (times: number) => Array.from({ length: times }, () => events.admit(event("192.0.2.1"))).filter(Boolean).length
      expect(record(2000)).toBe(1)
      yield* TestClock.adjust("59 seconds")
      expect(yield* lines).toEqual([])
      yield* TestClock.adjust("1 second")
      const summary = { level: "warn", message: "Security event: 401", status: 401, reason: "missing", address: "192.0.2.1" }
      expect(yield* lines).toMatchObject([{ ...summary, repeated: 1999 }])
      // It goes on: no first line again.
      expect(record(10)).toBe(0)
      yield* TestClock.adjust("1 minute")
      expect((yield* lines)[1]).toMatchObject({ ...summary, repeated: 10 })
      // After a quiet minute it is new again.
      yield* TestClock.adjust("2 minutes")
      expect((yield* lines).length).toBe(2)
      expect(record(1)).toBe(1)
      const { state } = (yield* Metric.snapshot).find(({ id }) => id === "boardwalk_repeated_log_events_total")!
      expect(state).toMatchObject({ count: 2009 })
    }).pipe(Effect.provide(Logs.makeLayer("json", "Info")), Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  effect("is reported when the gateway stops", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.map(makeRepeatedEvents, (events) => {
          for (let i = 0; i < 5; i++) events.admit(event("192.0.2.1"))
        })
      )
      expect(yield* lines).toMatchObject([{ repeated: 4 }])
    }).pipe(Effect.provide(Logs.makeLayer("json", "Info")))
  )
})

test("events are merged per address, /64 for IPv6, and per kind and key", () => {
  const events = new RepeatedEvents()
  const admitted = (...all: ReadonlyArray<Event>) => all.map((one) => events.admit(one))
  expect(admitted(event("192.0.2.1"), event("192.0.2.1", "unknown"), event("192.0.2.2"), event("192.0.2.1"))).toEqual([
    true,
    true,
    true,
    false
  ])
  expect(admitted(event("2001:db8::1"), event("2001:db8::ffff:2"), event("2001:db8:0:1::1"))).toEqual([true, false, true])
  expect(admitted(event("192.0.2.1", "missing", "a"), event("192.0.2.1", "missing", "b"), event("192.0.2.1", "missing", "a"))).toEqual([
    true,
    true,
    false
  ])
  expect(admitted({ ...event("192.0.2.1"), message: "Rate limit exceeded" }, { ...event("192.0.2.1"), detail: "x" })).toEqual([true, true])
  expect(events.take().map(({ fields, repeated }) => [fields["address"], fields["key_id"], repeated])).toEqual([
    ["192.0.2.1", undefined, 1],
    ["2001:db8:0:0::/64", undefined, 1],
    ["192.0.2.1", "a", 1]
  ])
})

test("of very many addresses, some are logged, and the others are counted together; keys are never merged", () => {
  const events = new RepeatedEvents(100)
  const address = (i: number) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`
  let logged = 0
  for (let i = 0; i < 50_000; i++) if (events.admit(event(address(i), i % 2 === 0 ? "missing" : "unknown"))) logged++
  expect(logged).toBe(102)
  // Strangers did not use up the places of keys, and many addresses of one key do not hide another key.
  for (let i = 0; i < 1000; i++) events.admit(event(address(i), "missing_scope", "noisy"))
  expect(events.admit(event(address(0), "missing_scope", "quiet"))).toBe(true)
  const taken = events.take()
  expect(taken.map(({ fields, repeated }) => [fields["reason"], fields["key_id"], fields["addresses"], repeated])).toEqual([
    ["missing", undefined, "various", 24_949],
    ["unknown", undefined, "various", 24_949],
    ["missing_scope", "noisy", "various", 899]
  ])
  expect(taken.every(({ fields }) => fields["address"] === undefined)).toBe(true)
})
