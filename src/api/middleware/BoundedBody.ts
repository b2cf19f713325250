import { HttpApiMiddleware } from "effect/http-api"
import { InvalidRequest, Overloaded, PayloadTooLarge, RequestTimeout, UnsupportedMediaType } from "../Problems.ts"

/**
 * For endpoints with a body that the framework decodes: the body must be JSON, arrive in time and within the size limit, and must not be
 * nested too deeply.
 */
export class BoundedBody extends HttpApiMiddleware.Service<BoundedBody>()("boardwalk/api/middleware/BoundedBody", {
  error: [InvalidRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType, Overloaded]
}) {}
