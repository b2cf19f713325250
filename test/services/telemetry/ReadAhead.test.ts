/** Histories of a ThingsBoard that is far away: two pages are requested at the same time, and the result is the same. */
import { expect } from "bun:test"
import { Effect, Fiber, Layer, Stream } from "effect"
import { EventLoop } from "../../../src/platform/EventLoop.ts"
import { GcPressure } from "../../../src/platform/GcPressure.ts"
import { History } from "../../../src/services/telemetry/History.ts"
import { Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import type { HistoryRequest } from "../../../src/thingsboard/Paths.ts"
import { live } from "../../support/effectTest.ts"
import { propertySeed } from "../../support/propertySeed.ts"
import { randomFrom } from "../../support/random.ts"
import { failWith, renderHistory, stubThingsBoard, type Tokens } from "../../support/stubThingsBoard.ts"

const deviceId = "784f394c-42b6-435a-983c-b7beff2784f9"
const t0 = 1_700_000_000_000
const range = { start: 0, end: 2 * t0 }
const latency = "15 millis"

const farAway = (tokens: Tokens, failOn: (call: number) => boolean = () => false) => {
  const calls: Array<HistoryRequest> = []
  let [inFlight, mostInFlight] = [0, 0]
  const history = (request: HistoryRequest) =>
    Effect.suspend(() => {
      const number = calls.push(request)
      mostInFlight = Math.max(mostInFlight, ++inFlight)
      const response = failOn(number) ? failWith(new Unavailable({ why: "broken" })) : Effect.sync(() => renderHistory(tokens, request))
      return Effect.ensuring(
        Effect.andThen(Effect.sleep(latency), response),
        Effect.sync(() => inFlight--)
      )
    })
  const layer = History.layer.pipe(Layer.provide(Layer.mergeAll(stubThingsBoard({ history }), EventLoop.layer, GcPressure.layer)))
  const pages = Effect.flatMap(History, (service) =>
    service.pages({ deviceId, keys: Object.keys(tokens), range, pageBytes: 64 * 1024 })
  ).pipe(Effect.provide(layer))
  const rows = Effect.flatMap(pages, (stream) =>
    Stream.runFold(
      stream,
      () => [] as Array<readonly [string, number, string]>,
      (all, page) => {
        for (const { from, key, to } of page.series) for (let i = from; i < to; i++) all.push([key, page.ts[i]!, page.token(i)])
        return all
      }
    )
  )
  return { calls, pages, rows, counts: () => ({ inFlight, mostInFlight }) }
}

const allRows = (tokens: Tokens) =>
  Object.entries(tokens).flatMap(([key, points]) => points.map(([ts, token]) => [key, ts, token] as const))

const steady = (count: number, step = 1000) => Array.from({ length: count }, (_, i) => [t0 + i * step, String(i)] as const)

live("an even series takes about as many calls as one after the other, two at a time", () =>
  Effect.gen(function* () {
    const tokens = { a: steady(40_000), b: steady(30_000, 7) }
    const { calls, counts, rows } = farAway(tokens)
    expect(yield* rows).toEqual(allRows(tokens))
    expect(counts()).toEqual({ inFlight: 0, mostInFlight: 2 })
    // Some 1,500 points have the size of a page.
    expect(calls.length).toBeLessThan(60)
  })
)

live("series with bursts and gaps are complete and in order, with few calls into the gaps", () =>
  Effect.gen(function* () {
    const random = randomFrom(propertySeed)
    for (let round = 0; round < 8; round++) {
      const points: Array<readonly [number, string]> = []
      let ts = t0
      while (points.length < 12_000) {
        const [length, step] = [Math.ceil(random() * 3000), 10 ** Math.floor(random() * 5)]
        for (let i = 0; i < length; i++) points.push([(ts += 1 + Math.floor(random() * step)), String(points.length)])
        if (random() < 0.5) ts += Math.floor(random() * 1e9)
      }
      const tokens = { a: points, b: [], c: points.slice(0, 2500) }
      const { calls, counts, rows } = farAway(tokens)
      expect(yield* rows).toEqual(allRows(tokens))
      expect(counts().inFlight).toBe(0)
      expect(calls.length).toBeLessThan(80)
    }
  })
)

live("a page that was requested ahead and failed is requested again", () =>
  Effect.gen(function* () {
    const tokens = { a: steady(12_000) }
    const { rows } = farAway(tokens, (call) => call % 3 === 0)
    expect(yield* rows).toEqual(allRows(tokens))
  })
)

live("a client that leaves ends both calls", () =>
  Effect.gen(function* () {
    const { counts, pages } = farAway({ a: steady(40_000) })
    const reading = yield* Effect.forkChild(Effect.flatMap(pages, (stream) => Stream.runDrain(stream)))
    while (counts().inFlight < 2) yield* Effect.sleep("1 millis")
    yield* Fiber.interrupt(reading)
    expect(counts().inFlight).toBe(0)
  })
)

live("a reader who takes longer than the calls gets one page ahead, as before", () =>
  Effect.gen(function* () {
    const { counts, pages } = farAway({ a: steady(8000) })
    yield* Effect.flatMap(pages, (stream) => Stream.runForEach(stream, () => Effect.sleep("200 millis")))
    expect(counts().mostInFlight).toBe(1)
  })
)
