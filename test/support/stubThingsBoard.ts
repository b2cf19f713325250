/** A ThingsBoard service made of a few functions, for tests that control the clock or make a single call fail. */
import { Effect, Layer } from "effect"
import { never, runAtOnce } from "../../src/domain/Steps.ts"
import { EventLoop } from "../../src/platform/EventLoop.ts"
import type { HistoryRequest } from "../../src/thingsboard/Paths.ts"
import { readOrFail, ThingsBoard, type ThingsBoardShape } from "../../src/thingsboard/ThingsBoard.ts"
import { type Reason, ThingsBoardError } from "../../src/thingsboard/errors/ThingsBoardError.ts"

const unexpected = Effect.die(new Error("The test does not expect this call"))
const dieIfCalled = () => unexpected

/** One turn of the event loop that never ends, so that a test with a clock of its own does not depend on the machine's speed. */
const OneTurn = Layer.succeed(EventLoop, {
  nextTurn: Effect.void,
  isTurnOver: never,
  run: (steps) => Effect.sync(() => runAtOnce(steps()))
})

/** With the event loop, which most services need as well. */
export const stubThingsBoard = (methods: Partial<ThingsBoardShape>) =>
  Layer.merge(
    OneTurn,
    Layer.succeed(ThingsBoard, {
      identity: unexpected,
      get: dieIfCalled,
      post: dieIfCalled,
      latest: dieIfCalled,
      readsKeysWithCommas: Effect.succeed(true),
      history: dieIfCalled,
      call: dieIfCalled,
      readInSteps: (response, read) =>
        Effect.flatMap(response, (bytes) => {
          const found = runAtOnce(readOrFail(read(bytes, never)))
          return found instanceof ThingsBoardError ? Effect.fail(found) : Effect.succeed(found)
        }),
      ...methods
    })
  )

export const failWith = (reason: Reason): Effect.Effect<never, ThingsBoardError> => Effect.fail(new ThingsBoardError({ reason }))

/** Points by key, oldest first; values are JSON text. */
export type Tokens = Readonly<Record<string, ReadonlyArray<readonly [ts: number, token: string]>>>

/** ThingsBoard's response to a request for raw points. */
export const renderHistory = (tokens: Tokens, { end, keys, limit = 100, order, start }: HistoryRequest): Buffer => {
  const series = keys.flatMap((key) => {
    const inRange = (tokens[key] ?? []).filter(([ts]) => ts >= start && ts < end)
    const points = (order === "ASC" ? inRange : inRange.toReversed()).slice(0, limit)
    return points.length === 0 ? [] : [`${JSON.stringify(key)}:[${points.map(([ts, token]) => `{"ts":${ts},"value":${token}}`).join(",")}]`]
  })
  return Buffer.from(`{${series.join(",")}}`)
}
