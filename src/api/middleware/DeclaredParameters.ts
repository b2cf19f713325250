import { HttpApiMiddleware } from "effect/http-api"
import { InvalidRequest } from "../Problems.ts"

/** Refuses query parameters where an endpoint declares none: the framework does not look at them there, and a misspelt one must not be ignored. */
export class DeclaredParameters extends HttpApiMiddleware.Service<DeclaredParameters>()("boardwalk/api/middleware/DeclaredParameters", {
  error: InvalidRequest
}) {}
