import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { Forbidden, Overloaded, RateLimited, Unauthenticated } from "../Problems.ts"

/** The API key of a request, and what it may do. */
export interface Caller {
  /** Id of the key, as in logs. It is not the secret. */
  readonly id: string
  readonly scopes: ReadonlySet<KeyScope>
  /** The key's own rate limit; if undefined, the gateway's limit applies. */
  readonly rateLimit:
    | {
        readonly requests: number
        readonly windowMillis: number
        /** Bytes per window; if undefined, the gateway's limit applies, if there is one. */
        readonly readBytes?: number | undefined
        readonly writeBytes?: number | undefined
      }
    | undefined
}

export class CurrentCaller extends Context.Service<CurrentCaller, Caller>()("boardwalk/api/middleware/CurrentCaller") {}

/** Annotates an endpoint with the scope that it requires. */
export class RequiredScope extends Context.Service<RequiredScope, KeyScope>()("boardwalk/api/middleware/RequiredScope") {}

/**
 * Annotates an endpoint whose requests take much memory or time: always, or if their body is large. They are the first that an overloaded
 * gateway rejects.
 */
export class Expensive extends Context.Service<Expensive, "always" | "withLargeBody">()("boardwalk/api/middleware/Expensive") {}

/** Where the key is sent. The OpenAPI document and generated clients use it. */
export const apiKeySecurity = HttpApiSecurity.apiKey({ key: "X-API-Key", in: "header" })

/**
 * Requires a valid `X-API-Key` with the endpoint's scope. Runs before any other part of the request is read, and limits how often a client
 * may present an invalid key.
 */
export class Authentication extends HttpApiMiddleware.Service<Authentication, { provides: CurrentCaller }>()(
  "boardwalk/api/Authentication",
  {
    error: [Unauthenticated, Forbidden, RateLimited, Overloaded],
    requiredForClient: true
  }
) {}
