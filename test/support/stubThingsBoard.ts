/** A ThingsBoard made of a few functions, for tests that move the clock or put trouble between two calls. */
import { Effect, Layer } from "effect"
import type { HistoryRequest } from "../../src/thingsboard/Paths.ts"
import { ThingsBoard, type ThingsBoardShape } from "../../src/thingsboard/ThingsBoard.ts"
import { type Reason, ThingsBoardError } from "../../src/thingsboard/errors/ThingsBoardError.ts"

const notExpected = Effect.die(new Error("the test does not expect this call"))
const unasked = () => notExpected

export const stubThingsBoard = (methods: Partial<ThingsBoardShape>) =>
  Layer.succeed(ThingsBoard, {
    identity: notExpected,
    get: unasked,
    post: unasked,
    latest: unasked,
    history: unasked,
    call: unasked,
    ...methods
  })

export const failWith = (reason: Reason): Effect.Effect<never, ThingsBoardError> => Effect.fail(new ThingsBoardError({ reason }))

/** Tokens by time, oldest first. */
export type Tokens = Readonly<Record<string, ReadonlyArray<readonly [ts: number, token: string]>>>

/** What ThingsBoard answers to a read of raw points. */
export const renderHistory = (tokens: Tokens, { end, keys, limit = 100, order, start }: HistoryRequest): Buffer => {
  const series = keys.flatMap((key) => {
    const inside = (tokens[key] ?? []).filter(([ts]) => ts >= start && ts < end)
    const points = (order === "ASC" ? inside : inside.toReversed()).slice(0, limit)
    return points.length === 0 ? [] : [`${JSON.stringify(key)}:[${points.map(([ts, token]) => `{"ts":${ts},"value":${token}}`).join(",")}]`]
  })
  return Buffer.from(`{${series.join(",")}}`)
}
