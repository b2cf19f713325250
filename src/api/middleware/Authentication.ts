import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { Forbidden, RateLimited, Unauthenticated } from "../Problems.ts"

/** Who calls, and with which rights. */
export interface Caller {
  /** Names the key in logs; never the key itself. */
  readonly id: string
  readonly scopes: ReadonlySet<KeyScope>
  /** The key's own limit; undefined for the gateway's. */
  readonly rateLimit: { readonly requests: number; readonly windowMillis: number } | undefined
}

export class CurrentCaller extends Context.Service<CurrentCaller, Caller>()("boardwalk/api/middleware/CurrentCaller") {}

/** Annotates an endpoint with the right that a key needs for it. */
export class RequiredScope extends Context.Service<RequiredScope, KeyScope>()("boardwalk/api/middleware/RequiredScope") {}

/** How a key travels, for the OpenAPI document and for generated clients. */
export const apiKeySecurity = HttpApiSecurity.apiKey({ key: "X-API-Key", in: "header" })

/** Every endpoint but the open ones needs a valid `X-API-Key`. It is checked before anything else of the request is looked at; who guesses is slowed down. */
export class Authentication extends HttpApiMiddleware.Service<Authentication, { provides: CurrentCaller }>()(
  "boardwalk/api/Authentication",
  {
    error: [Unauthenticated, Forbidden, RateLimited],
    requiredForClient: true
  }
) {}
