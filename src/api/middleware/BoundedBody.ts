import { HttpApiMiddleware } from "effect/http-api"
import { InvalidRequest, PayloadTooLarge, RequestTimeout } from "../Problems.ts"

/** For endpoints whose body the framework decodes: it has to arrive in time, and may not nest too deep. */
export class BoundedBody extends HttpApiMiddleware.Service<BoundedBody>()("boardwalk/api/middleware/BoundedBody", {
  error: [InvalidRequest, RequestTimeout, PayloadTooLarge]
}) {}
