/** How many calls are in flight at once, and what becomes of the others. */
import { describe, expect, test } from "bun:test"
import { Duration, Effect, Fiber } from "effect"
import { type CallShare, CallLimits } from "../../../src/thingsboard/transport/CallLimits.ts"
import { make } from "../../../src/thingsboard/transport/Transport.ts"
import { live, until } from "../../support/effectTest.ts"
import { randomFrom } from "../../support/random.ts"
import { scriptedUpstream } from "../../support/scriptedUpstream.ts"

const open = (maxInFlight: number, maxWaiting: number) => {
  const limits = new CallLimits(maxInFlight, maxWaiting)
  const started: Array<string> = []
  const enter = (share: CallShare, name: string = share) => limits.enter(share, () => started.push(name) > 0)
  return { limits, started, enter }
}

describe("calls", () => {
  test("beyond the limit wait in order, and those that leave are never started", () => {
    const { enter, limits, started } = open(2, 10)
    const slots = ["a", "b", "c", "d", "e"].map((name) => enter("read", name)!)
    expect(started).toEqual(["a", "b"])
    expect(limits.counts).toMatchObject({ inFlight: 2, waiting: 3 })
    slots[2]!.leave()
    slots[0]!.leave()
    slots[0]!.leave()
    expect(started).toEqual(["a", "b", "d"])
    slots[1]!.leave()
    slots[3]!.leave()
    slots[4]!.leave()
    expect(started).toEqual(["a", "b", "d", "e"])
    expect(limits.counts).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  test("of one kind leave room for the others", () => {
    const { enter, limits, started } = open(16, 100)
    const histories = Array.from({ length: 20 }, () => enter("history")!)
    expect(started).toHaveLength(12)
    for (let i = 0; i < 3; i++) enter("write")
    for (let i = 0; i < 3; i++) enter("read")
    expect(started.slice(12)).toEqual(["write", "write", "read", "read"])
    expect(limits.counts).toMatchObject({ inFlight: 16, waiting: 10 })
    // What becomes free goes to one kind after the other.
    for (const slot of histories.slice(0, 3)) slot.leave()
    expect(started.slice(16).toSorted()).toEqual(["history", "read", "write"])
  })

  test("that are too many are rejected at once", () => {
    const { enter, limits } = open(1, 1)
    expect(enter("read")!.hasStarted).toBe(true)
    expect(enter("read")!.hasStarted).toBe(false)
    expect(enter("read")).toBeUndefined()
    expect(enter("write")).toBeUndefined()
    expect(limits.counts).toMatchObject({ inFlight: 1, waiting: 1 })
  })

  test("never exceed the limit, and none is forgotten, in any order", () => {
    const next = randomFrom(7)
    const random = (below: number) => Math.floor(next() * below)
    for (const max of [1, 3, 8, 24]) {
      const { enter, limits } = open(max, 1_000)
      const active: Array<NonNullable<ReturnType<typeof enter>>> = []
      for (let i = 0; i < 2_000; i++) {
        if (random(2) === 0) active.push(enter((["read", "history", "write"] as const)[random(3)]!)!)
        else active.splice(random(Math.max(1, active.length)), 1)[0]?.leave()
        expect(limits.counts.inFlight).toBeLessThanOrEqual(max)
        expect(limits.counts.inFlight + limits.counts.waiting).toBe(active.length)
        expect(active.filter(({ hasStarted }) => hasStarted)).toHaveLength(limits.counts.inFlight)
      }
      for (const slot of active) slot.leave()
      expect(limits.counts).toMatchObject({ inFlight: 0, waiting: 0 })
    }
  })
})

describe("the transport", () => {
  const call = { method: "GET", path: "/api/x", headers: {}, repeatable: true } as const
  const hanging = (limits: CallLimits, timeout = Duration.seconds(20)) =>
    Effect.gen(function* () {
      const responses: Array<(response: Response) => void> = []
      const upstream = yield* scriptedUpstream({
        "GET /api/x": () => new Promise<Response>((resolve) => responses.push(resolve)),
        "GET /api/login": () => Response.json({})
      })
      const untilCalls = (count: number) => until(() => responses.length >= count)
      const transport = make({ host: upstream.url, timeout, limits })
      return {
        responses,
        transport,
        untilCalls,
        upstream,
        send: Effect.forkChild(Effect.result(transport.send(call)), { startImmediately: true })
      }
    })

  live("sends no call of a client that left while it waited, and gives its place to the next", () =>
    Effect.gen(function* () {
      const limits = new CallLimits(1, 10)
      const { responses, send, untilCalls, upstream } = yield* hanging(limits)
      const [first, second, third] = [yield* send, yield* send, yield* send]
      yield* untilCalls(1)
      yield* Fiber.interrupt(second)
      expect(limits.counts).toMatchObject({ inFlight: 1, waiting: 1 })
      responses[0]!(Response.json(1))
      yield* Fiber.join(first)
      yield* untilCalls(2)
      yield* Fiber.interrupt(third)
      expect(limits.counts).toMatchObject({ inFlight: 0, waiting: 0 })
      expect(upstream.count("GET /api/x")).toBe(2)
    })
  )

  live("rejects at once what cannot wait, and after the timeout what waited in vain; logins are never limited", () =>
    Effect.gen(function* () {
      const limits = new CallLimits(1, 1)
      const { send, transport, untilCalls, upstream } = yield* hanging(limits)
      yield* send
      yield* untilCalls(1)
      const impatient = make({ host: upstream.url, timeout: Duration.millis(400), limits })
      const second = yield* Effect.forkChild(Effect.result(impatient.send(call)), { startImmediately: true })
      const began = performance.now()
      expect((yield* Effect.flip(transport.send(call))).reason._tag).toBe("QueueFull")
      expect(performance.now() - began).toBeLessThan(10_000) // half of its timeout
      expect((yield* transport.send({ ...call, path: "/api/login", share: "session" })).toString()).toBe("{}")
      expect(yield* Fiber.join(second)).toMatchObject({ failure: { reason: { _tag: "QueueFull" } } })
      expect(upstream.count("GET /api/x")).toBe(1)
    })
  )

  live("gives a place back after every kind of failure", () =>
    Effect.gen(function* () {
      const limits = new CallLimits(1, 0)
      const upstream = yield* scriptedUpstream({ "GET /api/x": () => new Response("no", { status: 404 }) })
      const transport = make({ host: upstream.url, timeout: Duration.seconds(2), limits })
      for (const path of ["/api/x", "/api/with a blank", "/api/x"]) {
        yield* Effect.flip(transport.send({ ...call, path }))
        expect(limits.counts).toMatchObject({ inFlight: 0, waiting: 0 })
      }
      const refused = make({ host: "http://127.0.0.1:1", timeout: Duration.seconds(2), limits })
      yield* Effect.flip(refused.send(call))
      expect(limits.counts).toMatchObject({ inFlight: 0, waiting: 0 })
    })
  )
})
