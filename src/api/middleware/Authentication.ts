import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { Unauthenticated } from "../Problems.ts"

/** Who calls. */
export interface Caller {
  /** Names the key in logs; never the key itself. */
  readonly id: string
}

export class CurrentCaller extends Context.Service<CurrentCaller, Caller>()("boardwalk/api/CurrentCaller") {}

/** How a key travels, for the OpenAPI document and for generated clients. */
export const apiKeySecurity = HttpApiSecurity.apiKey({ key: "X-API-Key", in: "header" })

/** Every endpoint but the open ones needs a valid `X-API-Key`. It is checked before anything else of the request is looked at. */
export class Authentication extends HttpApiMiddleware.Service<Authentication, { provides: CurrentCaller }>()(
  "boardwalk/api/Authentication",
  {
    error: Unauthenticated,
    requiredForClient: true
  }
) {}
