import { HttpApiMiddleware } from "effect/http-api"
import { InvalidRequest } from "../Problems.ts"

/**
 * Rejects requests that name more than MAX_KEYS_PER_REQUEST keys or MAX_DEVICES_PER_REQUEST devices, in the query or in a JSON body. For
 * endpoints with a body it belongs inside `BoundedBody`, which reads the body first.
 */
export class KeyAndDeviceLimits extends HttpApiMiddleware.Service<KeyAndDeviceLimits>()("boardwalk/api/middleware/KeyAndDeviceLimits", {
  error: InvalidRequest
}) {}
