import { HttpApiMiddleware } from "effect/http-api"
import { IdempotencyKeyReused, IdempotencyUnavailable, InvalidRequest, RequestInProgress, RequestTimeout } from "../Problems.ts"
import type { CurrentCaller } from "./Authentication.ts"

/**
 * For endpoints that write: a request with the `Idempotency-Key` of an earlier one gets the response of that one, and is not carried out
 * again.
 */
export class Idempotency extends HttpApiMiddleware.Service<Idempotency, { requires: CurrentCaller }>()(
  "boardwalk/api/middleware/Idempotency",
  { error: [InvalidRequest, RequestTimeout, RequestInProgress, IdempotencyKeyReused, IdempotencyUnavailable] }
) {}
