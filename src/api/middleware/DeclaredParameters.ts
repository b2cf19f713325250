import { HttpApiMiddleware } from "effect/http-api"
import { InvalidRequest } from "../Problems.ts"

/**
 * Rejects query parameters of endpoints that declare none. The framework does not check them there, and a misspelled parameter must not be
 * ignored.
 */
export class DeclaredParameters extends HttpApiMiddleware.Service<DeclaredParameters>()("boardwalk/api/middleware/DeclaredParameters", {
  error: InvalidRequest
}) {}
