/** Identical reads that are in progress at the same time share a call; nobody notices, except ThingsBoard. */
import { expect } from "bun:test"
import { Effect, Exit, Fiber } from "effect"
import { saveAttributes } from "../../../src/thingsboard/requests/attributes.ts"
import { saveTelemetry } from "../../../src/thingsboard/requests/telemetry.ts"
import { live } from "../../support/effectTest.ts"
import { device, openReads, other, restrictedTo, until } from "./openReads.ts"

const path = `/api/device/${device}`
const latest = `/api/plugins/telemetry/DEVICE/${device}/values/timeseries?keys=a&useStrictDataTypes=true`
const failed = () => new Response('{"status":500,"message":"broken","errorCode":2}', { status: 500 })
const acknowledged = () => new Response(null)

live("a hundred identical reads make one call, other reads make their own", () =>
  Effect.gen(function* () {
    const { arrived, calls, held, read } = yield* openReads()
    const many = yield* Effect.forkChild(
      Effect.all(
        Array.from({ length: 100 }, () => read(path)),
        { concurrency: "unbounded" }
      )
    )
    const different = yield* Effect.forkChild(read(`/api/device/${other}`))
    yield* arrived(2)
    expect(calls.toSorted()).toEqual([`GET ${path}`, `GET /api/device/${other}`])
    for (const { call, respond } of held) respond(new Response(call.includes(other) ? '{"n":2}' : '{"n":1}'))
    expect(new Set(yield* Fiber.join(many))).toEqual(new Set(['{"n":1}']))
    expect(yield* Fiber.join(different)).toBe('{"n":2}')
    expect(calls.length).toBe(2)
  })
)

live("a read that begins after the response is a call of its own", () =>
  Effect.gen(function* () {
    const { calls, read, release } = yield* openReads()
    const first = yield* Effect.forkChild(read(path))
    yield* release("1")
    expect(yield* Fiber.join(first)).toBe("1")
    const second = yield* Effect.forkChild(read(path))
    yield* release("2")
    expect(yield* Fiber.join(second)).toBe("2")
    expect(calls.length).toBe(2)
  })
)

live("whoever leaves does not cancel the call for the others, and the last one who leaves does", () =>
  Effect.gen(function* () {
    const { arrived, calls, held, read, release } = yield* openReads()
    const readers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(read(path)))
    yield* arrived(1)
    yield* Fiber.interrupt(readers[0]!)
    yield* Fiber.interrupt(readers[2]!)
    expect(held[0]!.signal.aborted).toBe(false)
    yield* release("1")
    expect(yield* Fiber.join(readers[1]!)).toBe("1")

    const leaving = yield* Effect.forEach([1, 2], () => Effect.forkChild(read(path)))
    yield* arrived(2)
    yield* Fiber.interruptAll(leaving)
    yield* until(() => held[0]!.signal.aborted)
    // The canceled call is not joined.
    held.length = 0
    const next = yield* Effect.forkChild(read(path))
    yield* release("3")
    expect(yield* Fiber.join(next)).toBe("3")
    expect(calls.length).toBe(3)
  })
)

live("an error is shared by those who waited, and by nobody else", () =>
  Effect.gen(function* () {
    const { arrived, calls, read, release } = yield* openReads()
    const waiting = yield* Effect.forEach([1, 2], () => Effect.forkChild(Effect.exit(read(path))))
    yield* arrived(1)
    yield* release(failed())
    for (const reader of waiting) expect(Exit.isFailure(yield* Fiber.join(reader))).toBe(true)
    expect(calls.length).toBe(1)
    const next = yield* Effect.forkChild(read(path))
    yield* release("1")
    expect(yield* Fiber.join(next)).toBe("1")
  })
)

live("callers with different restrictions or users share no call", () =>
  Effect.gen(function* () {
    const { arrived, calls, otherUser, read, release, thingsBoard } = yield* openReads()
    const user = (yield* otherUser)!
    const [meters, sensors] = [restrictedTo("meter"), restrictedTo("sensor")]
    const readers = yield* Effect.forEach(
      [read(path), meters(read(path)), meters(read(path)), sensors(read(path)), Effect.map(user.get(path), String), read(path)],
      (reader) => Effect.forkChild(reader)
    )
    yield* arrived(4)
    yield* release("1", "2", "3", "4")
    const [all, meter, sameMeter, sensor, ofOtherUser, sameAll] = yield* Fiber.joinAll(readers)
    expect([sameAll, sameMeter]).toEqual([all, meter])
    expect([all, meter, sensor, ofOtherUser].toSorted()).toEqual(["1", "2", "3", "4"])
    expect(calls.length).toBe(4)
    expect(thingsBoard).not.toBe(user)
  })
)

live("a read that begins after a write has ended does not join one that began before", () =>
  Effect.gen(function* () {
    const { arrived, calls, held, read, thingsBoard } = yield* openReads()
    for (const [write, isSeen] of [
      [saveTelemetry(thingsBoard, device, '{"ts":1,"values":{"a":1}}'), true],
      [saveAttributes(thingsBoard, device, "server", '{"a":1}'), true],
      [saveTelemetry(thingsBoard, other, '{"ts":1,"values":{"a":1}}'), false]
    ] as const) {
      calls.length = 0
      const before = yield* Effect.forkChild(read(latest))
      yield* arrived(1)
      const writing = yield* Effect.forkChild(write)
      yield* arrived(2)
      const during = yield* Effect.forkChild(read(latest), { startImmediately: true })
      held.find(({ call }) => call.startsWith("POST"))!.respond(acknowledged())
      yield* Fiber.join(writing)
      const after = yield* Effect.forkChild(read(latest), { startImmediately: true })
      if (isSeen) yield* arrived(3)
      for (const [i, { call, respond }] of held.filter(({ call }) => call.startsWith("GET")).entries())
        respond(Response.json({ [call.includes(device) ? "n" : "?"]: i }))
      expect(yield* Fiber.joinAll([before, during, after])).toEqual(['{"n":0}', '{"n":0}', isSeen ? '{"n":1}' : '{"n":0}'])
      held.length = 0
    }
  })
)

live("histories, reads with a meter, and everything without COALESCE_READS are called for each caller", () =>
  Effect.gen(function* () {
    const meter = { add: () => true, fits: () => true }
    const { arrived, calls, release, thingsBoard } = yield* openReads()
    const history = thingsBoard.history({ deviceId: device, keys: ["a"], start: 1, end: 2 })
    const first = yield* Effect.forEach([history, history, thingsBoard.get(path, meter), thingsBoard.get(path, meter)], (read) =>
      Effect.forkChild(read)
    )
    yield* arrived(4)
    yield* release("1", "2", "3", "4")
    yield* Fiber.joinAll(first)
    expect(calls.length).toBe(4)

    const off = yield* openReads({ coalesceReads: false })
    const second = yield* Effect.forEach([1, 2], () => Effect.forkChild(off.read(path)))
    yield* off.arrived(2)
    yield* off.release("1", "2")
    expect((yield* Fiber.joinAll(second)).toSorted()).toEqual(["1", "2"])
  })
)
