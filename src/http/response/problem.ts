import { Clock, Effect } from "effect"
import { CurrentExchange } from "../../platform/Exchange.ts"

/** The fields that every problem takes from the request that is being handled. */
export interface Common {
  readonly detail: string
  readonly message: string
  readonly instance: string
  readonly timestamp: number
}

/** Fails with a problem. `detail` is a sentence that tells the caller what to do. */
export const failWithProblem = <P>(detail: string, make: (common: Common) => P): Effect.Effect<never, P> =>
  Effect.withFiber((fiber) =>
    Effect.fail(
      make({
        detail,
        message: detail,
        instance: fiber.getRef(CurrentExchange)?.id ?? "none",
        timestamp: fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      })
    )
  )
