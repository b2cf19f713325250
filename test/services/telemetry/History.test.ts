import { describe, expect } from "bun:test"
import { Duration, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { EventLoop } from "../../../src/platform/EventLoop.ts"
import { GcPressure } from "../../../src/platform/GcPressure.ts"
import { History } from "../../../src/services/telemetry/History.ts"
import type { HistoryQuery } from "../../../src/services/telemetry/HistoryWalk.ts"
import type { HistoryRequest } from "../../../src/thingsboard/Paths.ts"
import { NotFound, RateLimited, ThingsBoardError, Timeout, Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { effect, live } from "../../support/effectTest.ts"
import { failWith, renderHistory, stubThingsBoard, type Tokens } from "../../support/stubThingsBoard.ts"

const t0 = 1_700_000_000_000
const deviceId = "784f394c-42b6-435a-983c-b7beff2784f9"
const ramp = (count: number, token = (i: number) => String(i)) => Array.from({ length: count }, (_, i) => [t0 + i, token(i)] as const)
const broken = failWith(new Unavailable({ why: "broken" }))

type Answer = Effect.Effect<Buffer, ThingsBoardError>

/** `override` may respond instead of the stub, by the number of the call, from 1. */
const historyOver = (
  tokens: Tokens,
  override: (call: number, request: HistoryRequest) => Answer | undefined = () => undefined,
  eventLoop: Layer.Layer<EventLoop> = EventLoop.layer
) => {
  const calls: Array<HistoryRequest> = []
  const history = (request: HistoryRequest): Answer =>
    Effect.suspend(() => override(calls.push(request), request) ?? Effect.succeed(renderHistory(tokens, request)))
  const layer = History.layer.pipe(Layer.provide(Layer.mergeAll(stubThingsBoard({ history }), eventLoop, GcPressure.layer)))
  const pages = (query: Partial<HistoryQuery>) =>
    Effect.flatMap(History, (service) =>
      service.pages({ deviceId, keys: Object.keys(tokens), range: { start: 0, end: t0 * 2 }, ...query })
    ).pipe(Effect.provide(layer))
  return { calls, pages }
}

type Pages = Effect.Success<ReturnType<ReturnType<typeof historyOver>["pages"]>>

/** Copies the rows of each page, since a page is valid only until the next one is pulled. */
const copyRows = (stream: Pages) =>
  Stream.map(stream, (page) =>
    page.series.flatMap(({ from, key, to }) =>
      Array.from({ length: to - from }, (_, i) => [key, page.ts[from + i]!, page.token(from + i)] as const)
    )
  )
const read = (pages: Effect.Effect<Pages, ThingsBoardError>) =>
  Effect.map(
    Effect.flatMap(pages, (stream) => Stream.runCollect(copyRows(stream))),
    (chunks) => [...chunks].flat()
  )
const allRows = (tokens: Tokens) =>
  Object.entries(tokens).flatMap(([key, points]) => points.map(([ts, token]) => [key, ts, token] as const))

/** Advances the clock past the pauses between retries. */
const advanceTime = <A, E>(read: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(read, { startImmediately: true })
    for (let step = 0; step < 200 && fiber.pollUnsafe() === undefined; step++) {
      yield* TestClock.adjust("500 millis")
      yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
    }
    return yield* Fiber.await(fiber)
  })

describe("all history", () => {
  effect("contains every point once, keys in the requested order, oldest points first", () =>
    Effect.gen(function* () {
      const tokens = { b: ramp(7003), empty: [], a: ramp(2000, (i) => `${i}.0`) }
      const { calls, pages } = historyOver(tokens)
      expect(yield* read(pages({}))).toEqual(allRows(tokens))
      expect(calls.every(({ order, limit }) => order === "ASC" && limit !== undefined)).toBe(true)
      // All keys at once, then only those that have more.
      expect(calls.map(({ keys }) => keys.join())).toEqual(["b,empty,a", "b", "a"])
      expect(new Set(calls.map(({ end }) => end)).size).toBe(1)
    })
  )

  effect("of keys of any number, length and size is complete, whichever of them have more points", () =>
    Effect.gen(function* () {
      const few = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, ramp(i % 50)]))
      const one = historyOver(few)
      expect(yield* read(one.pages({}))).toEqual(allRows(few))
      expect(one.calls.length).toBe(1)

      const some = { ...few, "key 0": ramp(3000), "key 7": ramp(250), "key 299": ramp(900) }
      const three = historyOver(some)
      expect(yield* read(three.pages({}))).toEqual(allRows(some))
      expect(three.calls.map(({ keys }) => keys.length)).toEqual([300, 1, 1, 1])

      const long = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`${"x".repeat(200)} ${i}`, ramp(3)]))
      const many = historyOver(long)
      expect(yield* read(many.pages({}))).toEqual(allRows(long))
      expect(many.calls.flatMap(({ keys }) => keys).length).toBe(90)
      expect(many.calls.length).toBeLessThanOrEqual(6)
    })
  )

  effect("includes a point at the start of the range and excludes one at its end", () =>
    Effect.gen(function* () {
      const { pages } = historyOver({ a: ramp(5000) })
      const rows = yield* read(pages({ range: { start: t0 + 10, end: t0 + 4990 } }))
      expect([rows.length, rows[0]![1], rows.at(-1)![1]]).toEqual([4980, t0 + 10, t0 + 4989])
    })
  )

  effect("is read in pages of about the same size in bytes, for values of any size", () =>
    Effect.gen(function* () {
      const tokens = { large: ramp(3000, (i) => JSON.stringify(String(i).padStart(8000, "x"))) }
      const { calls, pages } = historyOver(tokens)
      const rows = yield* read(pages({}))
      expect([rows.length, new Set(rows.map(([, ts]) => ts)).size]).toEqual([3000, 3000])
      for (const { limit } of calls.slice(1)) expect(limit! * 8000).toBeLessThan(1024 * 1024)
      const numbers = historyOver({ a: ramp(120_000) })
      expect((yield* read(numbers.pages({}))).length).toBe(120_000)
      expect(numbers.calls.length).toBeLessThan(10)
    })
  )

  effect("makes no call without keys or for an empty range", () =>
    Effect.gen(function* () {
      const { calls, pages } = historyOver({ a: ramp(5) })
      expect(yield* read(pages({ keys: [] }))).toEqual([])
      expect(yield* read(pages({ range: { start: 7, end: 7 } }))).toEqual([])
      expect(calls).toEqual([])
    })
  )
})

describe("when ThingsBoard fails", () => {
  effect("a page in the middle is read again, and the result is complete", () =>
    Effect.gen(function* () {
      const tokens = { a: ramp(9000), b: ramp(3000) }
      const failures: Record<number, Answer> = {
        2: broken,
        3: Effect.succeed(Buffer.from('{"a":[{"ts":17')),
        4: failWith(new RateLimited({})),
        6: failWith(new Timeout()),
        8: Effect.succeed(Buffer.from("<html>Bad gateway</html>"))
      }
      const { calls, pages } = historyOver(tokens, (call) => failures[call])
      expect(yield* yield* advanceTime(read(pages({})))).toEqual(allRows(tokens))
      expect(new Set(calls.slice(1, 5).map(({ start }) => start)).size).toBe(1)
    })
  )

  effect("permanently, the stream fails after the last complete page", () =>
    Effect.gen(function* () {
      const { calls, pages } = historyOver({ a: ramp(9000) }, (call) => (call > 1 ? broken : undefined))
      let rows = 0
      const counted = Effect.flatMap(pages({}), (stream) =>
        Stream.runForEach(copyRows(stream), (chunk) => Effect.sync(() => void (rows += chunk.length)))
      )
      const exit = yield* advanceTime(counted)
      expect([Exit.isFailure(exit), rows]).toEqual([true, 2000])
      expect(calls.length).toBeGreaterThan(5)
      expect(calls.length).toBeLessThan(12)
    })
  )

  effect("in a way that is not transient, the call is not repeated", () =>
    Effect.gen(function* () {
      const { calls, pages } = historyOver({ a: ramp(9000) }, (call) => (call > 1 ? failWith(new NotFound()) : undefined))
      expect((yield* Effect.flip(read(pages({})))).reason._tag).toBe("NotFound")
      expect(calls.length).toBe(2)
    })
  )

  effect("on the first page, the failure is reported at once, before there is a stream", () =>
    Effect.gen(function* () {
      for (const response of [
        broken,
        Effect.succeed(Buffer.from("[]")),
        Effect.succeed(Buffer.from(`{"a":[{"ts":${t0 * 3},"value":1}]}`))
      ]) {
        const { calls, pages } = historyOver({ a: ramp(10) }, () => response)
        expect(yield* Effect.flip(pages({}))).toBeInstanceOf(ThingsBoardError)
        expect(calls.length).toBe(1)
      }
    })
  )

  effect("to respect the order, the range or the key, the page is rejected", () =>
    Effect.gen(function* () {
      const responses = {
        newestFirst: (request: HistoryRequest) => renderHistory({ a: ramp(5000) }, { ...request, order: "DESC" }),
        twice: (request: HistoryRequest) => renderHistory({ a: ramp(3000).flatMap((point) => [point, point]) }, request),
        fromTheStart: (request: HistoryRequest) => renderHistory({ a: ramp(5000) }, { ...request, start: 0 }),
        beyondTheEnd: (request: HistoryRequest) => renderHistory({ a: ramp(5000) }, { ...request, end: t0 * 3 }),
        anotherKey: () => Buffer.from(`{"b":[{"ts":${t0 + 4000},"value":1}]}`)
      }
      for (const [name, respond] of Object.entries(responses)) {
        const { pages } = historyOver({ a: ramp(5000) }, (call, request) => (call > 1 ? Effect.succeed(respond(request)) : undefined))
        const exit = yield* advanceTime(read(pages({ range: { start: 0, end: t0 + 4900 } })))
        expect([name, Exit.isFailure(exit)]).toEqual([name, true])
      }
    })
  )
})

describe("a reader", () => {
  live("that is slow applies backpressure: only one page is fetched ahead", () =>
    Effect.gen(function* () {
      const { calls, pages } = historyOver({ a: ramp(300_000) })
      const stream = yield* pages({})
      yield* Effect.scoped(
        Effect.gen(function* () {
          const pull = yield* Stream.toPull(stream)
          for (let page = 1; page <= 3; page++) {
            yield* pull
            yield* Effect.sleep(Duration.millis(30))
            expect(calls.length).toBeLessThanOrEqual(page + 1)
          }
        })
      )
    })
  )

  live("that stops interrupts the running call, and no other follows", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const hanging = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const { calls, pages } = historyOver({ a: ramp(300_000) }, (call) => (call === 3 ? hanging : undefined))
      const stream = yield* pages({})
      yield* Stream.runDrain(Stream.take(stream, 2))
      expect([calls.length, interrupted]).toEqual([3, 1])
      yield* Effect.sleep(Duration.millis(50))
      expect(calls.length).toBe(3)
    })
  )

  live("gets one page per turn of the event loop, together with other readers", () =>
    Effect.gen(function* () {
      let turn = 0
      let done = false
      const tick = () => {
        turn++
        if (!done) setImmediate(tick)
      }
      setImmediate(tick)
      const turns: Array<number> = []
      const shared = Layer.succeedContext(yield* Layer.build(EventLoop.layer))
      const one = Effect.gen(function* () {
        const { pages } = historyOver({ a: ramp(100_000) }, undefined, shared)
        yield* Stream.runForEach(yield* pages({}), () => Effect.sync(() => turns.push(turn)))
      })
      yield* Effect.all([one, one, one], { concurrency: "unbounded" })
      done = true
      expect(turns.length).toBeGreaterThan(9)
      expect(new Set(turns).size).toBe(turns.length)
    })
  )
})
