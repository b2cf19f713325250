import { Effect } from "effect"
import { HttpServerRespondable, HttpServerResponse } from "effect/http"
import { Unauthenticated } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import type { Authenticate } from "../auth/authenticate.ts"
import { failWithProblem } from "../response/problem.ts"
import { logNotAuthenticated } from "../logging/securityLog.ts"

const basicCredentials = /^Basic +([A-Za-z0-9+/]+={0,2})$/i

/** The password of HTTP basic authentication. The user name before the first colon is ignored. */
const passwordOf = (authorization: string | null): string => {
  const encoded = basicCredentials.exec(authorization ?? "")?.[1]
  if (encoded === undefined) return ""
  const text = Buffer.from(encoded, "base64").toString()
  return text.slice(text.indexOf(":") + 1)
}

const challenge = failWithProblem(
  "The documentation needs a key: in the header X-API-Key, or in a browser as the password, with any user name.",
  (common) => new Unauthenticated({ ...common, details: {} })
).pipe(
  Effect.flip,
  Effect.flatMap(HttpServerRespondable.toResponse),
  Effect.map(HttpServerResponse.setHeader("www-authenticate", 'Basic realm="Boardwalk documentation", charset="UTF-8"'))
)

type Page = Effect.Effect<HttpServerResponse.HttpServerResponse>

/**
 * Lets a page be read only with a valid key, whatever its scopes. Programs send it in `X-API-Key`, as everywhere. A browser cannot do that
 * for a page that its user opens, so it is asked for HTTP basic authentication, with the key as the password.
 */
export const requireKey =
  (authenticate: Authenticate) =>
  (page: Page): Page =>
    Effect.withFiber((fiber) => {
      const headers = fiber.getRef(CurrentExchange)?.request.headers
      const presented = headers?.get("x-api-key") ?? passwordOf(headers?.get("authorization") ?? null)
      return Effect.flatMap(authenticate(presented), (result) =>
        result._tag === "ApiKey"
          ? Effect.map(page, HttpServerResponse.setHeader("cache-control", "no-store"))
          : Effect.andThen(logNotAuthenticated(result), challenge)
      ).pipe(Effect.catchTag("RateLimited", HttpServerRespondable.toResponse))
    })
