/** What came of an attempt. */
import { failureOf } from "../errors/failures.ts"
import { InvalidResponse, invalidResponse, ThingsBoardError, Unavailable } from "../errors/ThingsBoardError.ts"
import type { Outcome } from "./CircuitBreaker.ts"
import { isHtml } from "./classify.ts"
import type { HttpResponse } from "./http1/Exchange.ts"
import type { ExchangeFailure } from "./http1/ExchangeFailure.ts"

/** The body of a 2xx response, or why there is none. */
export type Result = Buffer<ArrayBuffer> | ThingsBoardError

/** Why a connection brought no response. */
export const toError = (failure: ExchangeFailure): ThingsBoardError => {
  switch (failure.kind) {
    case "unresolved":
    case "refused":
    case "certificate":
      return new ThingsBoardError({ reason: new Unavailable({ why: failure.kind }) })
    case "malformed":
    case "tooLarge":
      return new ThingsBoardError({ reason: new InvalidResponse() })
    default:
      return new ThingsBoardError({ reason: new Unavailable({ why: failure.isWritten ? "broken" : "unsent" }) })
  }
}

/** What a result says about ThingsBoard, for the circuit breaker. */
export const outcomeOf = (result: Result): Outcome => {
  if (!(result instanceof ThingsBoardError)) return "ok"
  if (failureOf(result).isOutage === true) return "failed"
  // Whatever else it responds, it works.
  return result.status === undefined ? "unknown" : "ok"
}

/** As recorded of 4.1 and 4.3. Everything else comes from something between: a login or maintenance page, or a cache. */
const isAcknowledgement = ({ fields, status }: HttpResponse, body: Buffer) =>
  status === 200 && body.length === 0 && !isHtml(fields.get("content-type") ?? "")

/** The result of a write, which is an error without an acknowledgement. */
export const requireAcknowledgement = (response: HttpResponse, result: Result): Result =>
  result instanceof Buffer && !isAcknowledgement(response, result) ? invalidResponse(response.status) : result
