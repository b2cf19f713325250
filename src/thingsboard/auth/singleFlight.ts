import { Deferred, Effect } from "effect"
import { CurrentExchange } from "../../platform/Exchange.ts"

/**
 * Runs an effect at most once at a time. `join` waits for the result of the current run, and starts one if there is none; `start` does
 * not wait. A run belongs to no request: it continues when everybody who waits for it is interrupted, and ends with the scope.
 *
 * Effect has nothing that does this: `Effect.cached` keeps the result, and a `Cache` with no time to live runs its lookup in the first
 * caller's fiber, so that interrupting that caller fails the others.
 */
export const singleFlight = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.scope, (scope) => {
    let running: Deferred.Deferred<A, E> | undefined
    const start = Effect.uninterruptible(
      Effect.suspend(() => {
        if (running !== undefined) return Effect.succeed(running)
        const mine = Deferred.makeUnsafe<A, E>()
        running = mine
        const run = Effect.onExit(Effect.interruptible(Effect.provideService(effect, CurrentExchange, undefined)), (exit) => {
          running = undefined
          return Deferred.done(mine, exit)
        })
        return Effect.as(Effect.forkIn(run, scope), mine)
      })
    )
    return { start: Effect.asVoid(start), join: Effect.flatMap(start, Deferred.await) }
  })
