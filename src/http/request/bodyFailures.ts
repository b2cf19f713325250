/** The problems of a body that cannot be read. */
import { Duration, Effect } from "effect"
import { InvalidRequest, type Overloaded, PayloadTooLarge, RequestTimeout } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { failOverloaded } from "../response/overloaded.ts"
import { failWithProblem } from "../response/problem.ts"

export const failTooLarge = (maxBytes: number) =>
  failWithProblem(
    `The body is larger than ${maxBytes} bytes (MAX_BODY_SIZE).`,
    (common) => new PayloadTooLarge({ ...common, details: { max_bytes: maxBytes } })
  )

const failInvalidBody = (detail: string, issue: string) =>
  failWithProblem(detail, (common) => new InvalidRequest({ ...common, details: { errors: [{ field: "body", issue }] } }))

export const failUnreadable = failInvalidBody("The body could not be read completely.", "Expected a whole body of UTF-8 text")

export const failTooDeep = (maxDepth: number) =>
  failInvalidBody("The body is nested too deeply.", `Expected JSON of at most ${maxDepth} levels (MAX_JSON_DEPTH)`)

/** Fails before a schema reports an error for each of a million elements. */
export const failTooManyParts = failInvalidBody(
  "The body names too many keys or devices.",
  "Expected fewer keys and devices (MAX_KEYS_PER_REQUEST, MAX_DEVICES_PER_REQUEST)"
)

/** Closes the connection, since the rest of the body may never arrive. */
export const failTimedOut = (detail: string, timeout: Duration.Duration): Effect.Effect<never, RequestTimeout> =>
  Effect.withFiber((fiber) => {
    fiber.getRef(CurrentExchange)?.closeAfterResponse()
    return failWithProblem(detail, (common) => new RequestTimeout({ ...common, details: { timeout_ms: Duration.toMillis(timeout) } }))
  })

export const formatTimeout = (timeout: Duration.Duration) => `${Duration.toSeconds(timeout)} s (BODY_TIMEOUT)`

/** Closes the connection, since the rest of the body would need memory, too. */
export const failNoMemory: Effect.Effect<never, Overloaded> = Effect.withFiber((fiber) => {
  fiber.getRef(CurrentExchange)?.closeAfterResponse()
  return failOverloaded("The gateway has no memory for the body at the moment (MAX_BODY_MEMORY): try again in 5 s.", "body_memory")
})
