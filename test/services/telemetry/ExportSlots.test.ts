/** The limit on concurrent exports, and aggregates from a failing ThingsBoard, with a test clock. */
import { expect } from "bun:test"
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../../src/config/Settings.ts"
import { DeviceId } from "../../../src/domain/Ids.ts"
import { EventLoop } from "../../../src/platform/EventLoop.ts"
import { GcPressure } from "../../../src/platform/GcPressure.ts"
import { DeviceAccess } from "../../../src/services/access/DeviceAccess.ts"
import { Aggregates } from "../../../src/services/telemetry/Aggregates.ts"
import { type ExportQuery, Exports } from "../../../src/services/telemetry/Exports.ts"
import { History } from "../../../src/services/telemetry/History.ts"
import { Telemetry } from "../../../src/services/telemetry/Telemetry.ts"
import { type ThingsBoardError, Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { effect } from "../../support/effectTest.ts"
import { failWith, renderHistory, stubThingsBoard } from "../../support/stubThingsBoard.ts"
import { readText } from "../../support/emulatedServices.ts"

const deviceId = DeviceId.make("784f394c-42b6-435a-983c-b7beff2784f9")
const query: ExportQuery = { client: "anyone", deviceId, keys: ["a"], range: { start: 0, end: 100 }, format: "csv", aggregation: {} }
const file = "ts,key,value\r\n5,a,1\r\n"

type Answer = Effect.Effect<Buffer, ThingsBoardError>

const open = Effect.fnUntraced(function* (fail: (call: number) => Answer | undefined = () => undefined) {
  const calls = { history: 0 }
  const upstream = stubThingsBoard({
    get: (path) =>
      Effect.succeed(Buffer.from(path.endsWith("/keys/timeseries") ? '["a"]' : `{"id":{"id":"${deviceId}"},"name":"Hall","type":"meter"}`)),
    history: (request) => fail(++calls.history) ?? Effect.succeed(renderHistory({ a: [[5, "1"]] }, request))
  })
  const layer = Exports.layer.pipe(
    Layer.provide(Layer.mergeAll(History.layer, Aggregates.layer, DeviceAccess.layer, Telemetry.layer)),
    Layer.provide(upstream),
    Layer.provide(Layer.mergeAll(EventLoop.layer, GcPressure.layer)),
    Layer.provide(Settings.layerTest({ maxConcurrentExports: 2 }))
  )
  const exports = yield* Effect.provide(Exports, yield* Layer.build(layer))
  let clients = 0
  /** Starts an export in a scope of its own, as each request does. */
  const start = Effect.fnUntraced(function* (changes: Partial<ExportQuery> = {}) {
    const scope = yield* Scope.make()
    const result = yield* Effect.exit(Scope.provide(exports.telemetry({ ...query, client: `client ${++clients}`, ...changes }), scope))
    return { result, close: Scope.close(scope, Exit.void) }
  })
  return { calls, start }
})

effect("an export beyond the limit waits for a slot, and gets the first free one", () =>
  Effect.gen(function* () {
    const { calls, start } = yield* open()
    const [one] = [yield* start(), yield* start()]
    const waiting = yield* Effect.forkChild(start(), { startImmediately: true })
    yield* TestClock.adjust("4 seconds")
    expect([waiting.pollUnsafe(), calls.history]).toEqual([undefined, 2])
    yield* one.close
    expect(yield* readText(yield* (yield* Fiber.join(waiting)).result)).toBe(file)
  })
)

effect("it fails after five seconds, and does not take a slot", () =>
  Effect.gen(function* () {
    const { calls, start } = yield* open()
    const [one, two] = [yield* start(), yield* start()]
    const waiting = yield* Effect.forkChild(start(), { startImmediately: true })
    yield* TestClock.adjust("5 seconds")
    const rejected = yield* Fiber.join(waiting)
    expect(yield* Effect.flip(rejected.result)).toMatchObject({ _tag: "TooManyExports" })
    expect(calls.history).toBe(2)
    for (const { close } of [rejected, one, two]) yield* close
    const again = [yield* start(), yield* start()]
    expect(again.map(({ result }) => Exit.isSuccess(result))).toEqual([true, true])
  })
)

effect("one client cannot get the last slot, and waits although a slot is free", () =>
  Effect.gen(function* () {
    const { start } = yield* open()
    const mine = yield* start({ client: "one" })
    const waiting = yield* Effect.forkChild(start({ client: "one" }), { startImmediately: true })
    yield* TestClock.adjust("2 seconds")
    const other = yield* start({ client: "another" })
    expect([Exit.isSuccess(mine.result), waiting.pollUnsafe(), Exit.isSuccess(other.result)]).toEqual([true, undefined, true])
    yield* other.close
    yield* TestClock.adjust("3 seconds")
    expect(yield* Effect.flip((yield* Fiber.join(waiting)).result)).toMatchObject({ _tag: "TooManyExports" })
    yield* mine.close
    // The export that failed while waiting has not kept a slot.
    for (let i = 0; i < 3; i++) {
      const again = yield* start({ client: "one" })
      expect(Exit.isSuccess(again.result)).toBe(true)
      yield* again.close
    }
  })
)

effect("an export that fails or is rejected at its start releases its slot", () =>
  Effect.gen(function* () {
    const { start } = yield* open((call) => (call <= 3 ? failWith(new Unavailable({ why: "refused" })) : undefined))
    for (let i = 0; i < 3; i++) {
      const { close, result } = yield* start(i === 1 ? { aggregation: { agg: "SUM", interval: "1s" } } : {})
      expect(yield* Effect.flip(result)).toMatchObject({ reason: { _tag: "Unavailable" } })
      yield* close
    }
    expect(Exit.isFailure((yield* start({ aggregation: { agg: "SUM" } })).result)).toBe(true)
    const good = [yield* start(), yield* start()]
    expect(good.map(({ result }) => Exit.isSuccess(result))).toEqual([true, true])
  })
)

effect("aggregates are complete when a call fails and succeeds on retry", () =>
  Effect.gen(function* () {
    const answers: Record<number, Answer> = { 2: failWith(new Unavailable({ why: "broken" })), 3: Effect.succeed(Buffer.from('{"a":[')) }
    let calls = 0
    const { start } = yield* open(
      (call) => answers[call] ?? Effect.succeed(Buffer.from(`{"a":[{"ts":${700_000 * calls++ + 500},"value":1.10}]}`))
    )
    const { result } = yield* start({ range: { start: 0, end: 1_400_000 }, aggregation: { agg: "MAX", interval: "1000" } })
    const reading = yield* Effect.forkChild(readText(yield* result), { startImmediately: true })
    for (let step = 0; step < 50 && reading.pollUnsafe() === undefined; step++) {
      yield* TestClock.adjust("500 millis")
      yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
    }
    expect(yield* Fiber.join(reading)).toBe("ts,key,value\r\n0,a,1.10\r\n700000,a,1.10\r\n")
  })
)
