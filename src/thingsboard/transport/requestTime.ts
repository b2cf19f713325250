import { Clock, Duration, Effect } from "effect"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { monotonicMillis } from "../../platform/monotonicTime.ts"
import { requestTimedOut, type ThingsBoardError } from "../errors/ThingsBoardError.ts"

/** Ends a wait with the time of the caller's request: for work that others wait for too, and that goes on. */
export const withinRequestTime = <A, E, R>(wait: Effect.Effect<A, E, R>): Effect.Effect<A, E | ThingsBoardError, R> =>
  Effect.withFiber((fiber) => {
    const now = monotonicMillis(fiber.getRef(Clock.Clock))
    const deadline = fiber.getRef(CurrentExchange)?.deadlineFrom(now)
    if (deadline === undefined) return wait
    return Effect.timeoutOrElse(wait, {
      duration: Duration.millis(Math.max(0, deadline - now)),
      orElse: () => Effect.fail(requestTimedOut())
    })
  })
