import { expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { Flight } from "../../../src/thingsboard/reads/Flight.ts"
import { live } from "../../support/effectTest.ts"

const open = Effect.gen(function* () {
  const response = yield* Deferred.make<Buffer<ArrayBuffer>>()
  const events: Array<string> = []
  const flight = new Flight(
    [],
    () => events.push("start"),
    (found) => events.push(`end ${String(found)}`)
  )
  /** As the transport does: whoever waits takes over. */
  const call = Effect.onInterrupt(Deferred.await(response), () =>
    Effect.sync(() => events.push(flight.adopt(() => events.push("stopped")) === undefined ? "canceled" : "adopted"))
  )
  const again = Effect.succeed(Buffer.from("again"))
  return {
    events,
    flight,
    begin: Effect.map(flight.begin(call), String),
    join: Effect.map(
      Effect.withFiber((fiber) => flight.join(fiber, 0, again)),
      String
    ),
    respond: Deferred.succeed(response, Buffer.from("response"))
  }
})

live("whoever comes after the response, or after the call was canceled, makes another call instead of waiting forever", () =>
  Effect.gen(function* () {
    const answered = yield* open
    const waiting = yield* Effect.forkChild(answered.begin, { startImmediately: true })
    yield* answered.respond
    expect(yield* Fiber.join(waiting)).toBe("response")
    expect(yield* answered.join).toBe("again")
    expect(answered.events).toEqual(["start", "end response"])

    const canceled = yield* open
    const leaving = yield* Effect.forkChild(canceled.begin, { startImmediately: true })
    yield* Fiber.interrupt(leaving)
    expect(yield* canceled.join).toBe("again")
    expect(canceled.events).toEqual(["start", "canceled", "end undefined"])
  })
)

live("an attempt whose caller has left serves those who wait, and is stopped when they leave too", () =>
  Effect.gen(function* () {
    const served = yield* open
    const first = yield* Effect.forkChild(served.begin, { startImmediately: true })
    const second = yield* Effect.forkChild(served.join, { startImmediately: true })
    yield* Fiber.interrupt(first)
    served.flight.settle(Buffer.from("late response"))
    expect(yield* Fiber.join(second)).toBe("late response")
    expect(served.events).toEqual(["start", "adopted", "end late response"])

    const stopped = yield* open
    const readers = [yield* Effect.forkChild(stopped.begin, { startImmediately: true })]
    for (let i = 0; i < 2; i++) readers.push(yield* Effect.forkChild(stopped.join, { startImmediately: true }))
    for (const reader of readers) yield* Fiber.interrupt(reader)
    expect(stopped.events).toEqual(["start", "adopted", "end undefined", "stopped"])

    const failed = yield* open
    const leaving = yield* Effect.forkChild(failed.begin, { startImmediately: true })
    const repeating = yield* Effect.forkChild(failed.join, { startImmediately: true })
    yield* Fiber.interrupt(leaving)
    failed.flight.settle(undefined)
    expect(yield* Fiber.join(repeating)).toBe("again")
  })
)
