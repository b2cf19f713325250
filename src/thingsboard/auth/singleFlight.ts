import { Deferred, Effect } from "effect"

/**
 * Runs an effect at most once at a time: whoever comes meanwhile shares the run under way, which goes on when those who wait leave.
 * `start` does not wait for it.
 */
export const singleFlight = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.scope, (scope) => {
    let running: Deferred.Deferred<A, E> | undefined
    const start = Effect.uninterruptible(
      Effect.suspend(() => {
        if (running !== undefined) return Effect.succeed(running)
        const mine = Deferred.makeUnsafe<A, E>()
        running = mine
        const run = Effect.onExit(Effect.interruptible(effect), (exit) => {
          running = undefined
          return Deferred.done(mine, exit)
        })
        return Effect.as(Effect.forkIn(run, scope), mine)
      })
    )
    return { start: Effect.asVoid(start), join: Effect.flatMap(start, Deferred.await) }
  })
