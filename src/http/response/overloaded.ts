import { Effect } from "effect"
import { Overloaded } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { logOverloaded, type OverloadReason } from "../logging/securityLog.ts"
import { failWithProblem } from "./problem.ts"

export const setRetryAfter = (seconds: number): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const headers = fiber.getRef(CurrentExchange)?.headers
    if (headers !== undefined) headers["retry-after"] = String(seconds)
    return Effect.void
  })

/** Seconds after which memory may be free again. */
export const retryAfterOverload = 5

/** Fails with 503: the gateway itself has no memory for the request. */
export const failOverloaded = (detail: string, reason: OverloadReason): Effect.Effect<never, Overloaded> =>
  Effect.andThen(
    Effect.andThen(setRetryAfter(retryAfterOverload), logOverloaded(reason)),
    failWithProblem(detail, (common) => new Overloaded({ ...common, details: {}, retry_after: retryAfterOverload }))
  )
