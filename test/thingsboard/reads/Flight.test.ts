import { expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { Flight } from "../../../src/thingsboard/reads/Flight.ts"
import { live } from "../../support/effectTest.ts"

const open = Effect.gen(function* () {
  const response = yield* Deferred.make<Buffer<ArrayBuffer>>()
  const events: Array<string> = []
  const call = Effect.onInterrupt(Deferred.await(response), () => Effect.sync(() => events.push("canceled")))
  const flight = new Flight(
    [],
    call,
    () => events.push("start"),
    (found) => events.push(`end ${String(found)}`)
  )
  const join = Effect.withFiber((fiber) => flight.join(fiber, Effect.succeed(Buffer.from("again"))))
  return { events, join: Effect.map(join, String), respond: Deferred.succeed(response, Buffer.from("response")) }
})

live("whoever comes after the response, or after the call was canceled, makes another call instead of waiting forever", () =>
  Effect.gen(function* () {
    const answered = yield* open
    const waiting = yield* Effect.forkChild(answered.join, { startImmediately: true })
    yield* answered.respond
    expect(yield* Fiber.join(waiting)).toBe("response")
    expect(yield* answered.join).toBe("again")
    expect(answered.events).toEqual(["start", "end response"])

    const canceled = yield* open
    const leaving = yield* Effect.forkChild(canceled.join, { startImmediately: true })
    yield* Fiber.interrupt(leaving)
    expect(yield* canceled.join).toBe("again")
    expect(canceled.events.toSorted()).toEqual(["canceled", "end undefined", "start"])
  })
)
