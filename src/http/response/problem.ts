/** Makes problems: what all of them have comes from the request that is being handled. */
import { Clock, Effect } from "effect"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"

export interface Common {
  readonly detail: string
  readonly message: string
  readonly instance: string
  readonly timestamp: number
}

/** Fails with a problem. `detail` is a sentence that the caller can act on. */
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
