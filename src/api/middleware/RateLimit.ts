import { HttpApiMiddleware } from "effect/http-api"
import { RateLimited } from "../Problems.ts"
import type { CurrentCaller } from "./Authentication.ts"

/** Limits the requests per key, and reports the remaining quota in `X-RateLimit-*`, `RateLimit` and `RateLimit-Policy`. */
export class RateLimit extends HttpApiMiddleware.Service<RateLimit, { requires: CurrentCaller }>()("boardwalk/api/middleware/RateLimit", {
  error: RateLimited
}) {}
