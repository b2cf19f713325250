import { Effect } from "effect"
import { Overloaded } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import type { Overload } from "../../overload/Overload.ts"
import { logOverloaded, type OverloadReason } from "../logging/securityLog.ts"
import { failWithProblem } from "./problem.ts"

export const setRetryAfter = (seconds: number): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const headers = fiber.getRef(CurrentExchange)?.headers
    if (headers !== undefined) headers["retry-after"] = String(seconds)
    return Effect.void
  })

/** Seconds after which memory and time may be free again. */
export const retryAfterOverload = 5

const failWith503 = (detail: string): Effect.Effect<never, Overloaded> =>
  Effect.andThen(
    setRetryAfter(retryAfterOverload),
    failWithProblem(detail, (common) => new Overloaded({ ...common, details: {}, retry_after: retryAfterOverload }))
  )

/** Fails with 503: the gateway itself has no memory for the request, or too many calls to ThingsBoard wait already. */
export const failOverloaded = (detail: string, reason: OverloadReason): Effect.Effect<never, Overloaded> =>
  Effect.andThen(logOverloaded(reason), failWith503(detail))

/** Fails with 503: the gateway is overloaded. Only the beginning and the end of an overload are logged. */
export const failShed = ({ countRejection, load }: Overload["Service"]): Effect.Effect<never, Overloaded> =>
  Effect.suspend(() => {
    countRejection()
    const what = load().level === 2 ? "requests" : "exports, imports and queries"
    return failWith503(`The gateway is overloaded and rejects ${what} at the moment: try again in ${retryAfterOverload} s.`)
  })
