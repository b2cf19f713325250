import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { EventLoop } from "../../src/platform/EventLoop.ts"
import { live } from "../support/effectTest.ts"

const hold = (millis: number) => {
  for (const end = performance.now() + millis; performance.now() < end;);
}

const withEventLoop = <A, E, R>(use: (eventLoop: EventLoop["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.provide(Effect.flatMap(EventLoop, use), EventLoop.layer)

describe("turns of the event loop", () => {
  live("are over for all after some milliseconds of work, and the next one begins anew", () =>
    withEventLoop(({ isTurnOver, nextTurn }) =>
      Effect.gen(function* () {
        /** Whether the turn is over right after it began: with a busy machine it may be, but not each time. */
        const isOverAfter = (wait: Effect.Effect<unknown>) =>
          Effect.repeat(Effect.andThen(wait, Effect.sync(isTurnOver)), { while: (isOver) => isOver, times: 100 })
        expect(yield* isOverAfter(nextTurn)).toBe(false)
        hold(30)
        expect(isTurnOver()).toBe(true)
        expect(yield* isOverAfter(nextTurn)).toBe(false)
        hold(30)
        expect(isTurnOver()).toBe(true)
        // Without waiting for a turn, the next one is still another.
        expect(yield* isOverAfter(Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1))))).toBe(false)
      })
    )
  )

  live("are taken by steps one at a time, and others get theirs meanwhile", () =>
    withEventLoop(({ run }) =>
      Effect.gen(function* () {
        let turn = 0
        let isDone = false
        const tick = () => {
          turn++
          if (!isDone) setImmediate(tick)
        }
        setImmediate(tick)
        const turns: Array<number> = []
        function* steps() {
          for (let i = 0; i < 20; i++) {
            yield
            turns.push(turn)
          }
          return "done"
        }
        const results = yield* Effect.all([run(steps), run(steps), run(steps)], { concurrency: "unbounded" })
        isDone = true
        expect(results).toEqual(["done", "done", "done"])
        expect(new Set(turns).size).toBe(60)
      })
    )
  )

  live("are not taken by steps that do not yield", () =>
    withEventLoop(({ run }) =>
      Effect.sync(() => {
        // oxlint-disable-next-line require-yield
        const result = Effect.runSync(
          run(function* () {
            return 7
          })
        )
        expect(result).toBe(7)
      })
    )
  )
})
