import { Context, Effect, Layer } from "effect"

/** Ms. Other work of the same turn, and the collector, come on top; a turn should not take longer than 50 ms. */
const maxTurnMillis = 8

/**
 * Turns of the event loop, handed out one at a time. Bun finishes all work that is ready before it looks at sockets again: without this,
 * the pages of several exports are handled in one turn while every other request waits.
 *
 * One per process, so that all requests together stay within the time of one turn.
 */
export class EventLoop extends Context.Service<
  EventLoop,
  {
    /** Waits for a turn of its own: no other waiter continues in the same one. Turns come in the order of the calls. */
    readonly nextTurn: Effect.Effect<void>
    /** Whether the work of this turn, of all requests together, has taken so long that more of it should wait for the next turn. */
    readonly isTurnOver: () => boolean
    /** Runs work that yields where the next turn may begin (`domain/Steps`). It begins in this turn, and continues in a turn of its own. */
    readonly run: <A>(steps: () => Generator<void, A, void>) => Effect.Effect<A>
  }
>()("boardwalk/platform/EventLoop") {
  static readonly layer = Layer.sync(EventLoop, () => {
    let last = Promise.resolve()
    /** When the turn began, as far as it is known; the next immediate belongs to the next turn. */
    let startedAt: number | undefined
    const start = () => {
      startedAt = performance.now()
      setImmediate(() => {
        startedAt = undefined
      })
    }
    const nextTurn = Effect.promise(() => {
      last = last.then(
        () =>
          new Promise<void>((resolve) =>
            setImmediate(() => {
              start()
              resolve()
            })
          )
      )
      return last
    })
    const isTurnOver = () => {
      if (startedAt === undefined) start()
      return performance.now() - startedAt! > maxTurnMillis
    }
    const run = <A>(make: () => Generator<void, A, void>): Effect.Effect<A> =>
      Effect.suspend(() => {
        const steps = make()
        const advance = (): Effect.Effect<A> => {
          const { done, value } = steps.next()
          return done === true ? Effect.succeed(value) : Effect.flatMap(nextTurn, advance)
        }
        return advance()
      })
    return { nextTurn, isTurnOver, run }
  })
}

/** Runs each step in a turn of its own, for work that no request waits for and that does not know how long its steps take. */
export const runInTurns = <A>(make: () => Generator<void, A, void>): Effect.Effect<A> =>
  Effect.suspend(() => {
    const steps = make()
    const nextTurn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
    const advance = (): Effect.Effect<A> => {
      const { done, value } = steps.next()
      return done === true ? Effect.succeed(value) : Effect.flatMap(nextTurn, advance)
    }
    return Effect.flatMap(nextTurn, advance)
  })
