/**
 * The documentation behind a key, whatever its rights. Programs send it as everywhere in `X-API-Key`; a browser cannot when a page is
 * opened, but asks its user for a name and a password when it is told to, and the password is then the key.
 */
import { Effect } from "effect"
import { HttpServerRespondable, HttpServerResponse } from "effect/http"
import { Unauthenticated } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import type { ApiKeys } from "../../apikeys/ApiKeys.ts"
import type { InvalidKeyLimit } from "../../ratelimit/InvalidKeyLimit.ts"
import { authenticate } from "../auth/authenticate.ts"
import { failWithProblem } from "../response/problem.ts"
import { logNotAuthenticated } from "../logging/securityLog.ts"

const basic = /^Basic +([A-Za-z0-9+/]+={0,2})$/i

/** What stands behind the first colon; the name before it does not count. */
const passwordOf = (authorization: string | null): string => {
  const encoded = basic.exec(authorization ?? "")?.[1]
  if (encoded === undefined) return ""
  const text = Buffer.from(encoded, "base64").toString()
  return text.slice(text.indexOf(":") + 1)
}

const challenge = failWithProblem(
  "The documentation needs a key: in the header X-API-Key, or in a browser as the password, with any name.",
  (common) => new Unauthenticated({ ...common, details: {} })
).pipe(
  Effect.flip,
  Effect.flatMap(HttpServerRespondable.toResponse),
  Effect.map(HttpServerResponse.setHeader("www-authenticate", 'Basic realm="Boardwalk documentation", charset="UTF-8"'))
)

type Page = Effect.Effect<HttpServerResponse.HttpServerResponse>

export const requireKey = (keys: ApiKeys["Service"], guesses: InvalidKeyLimit["Service"]) => {
  const recognised = authenticate(keys, guesses)
  return (page: Page): Page => {
    const admitted = () => Effect.map(page, HttpServerResponse.setHeader("cache-control", "no-store"))
    return Effect.withFiber((fiber) => {
      const headers = fiber.getRef(CurrentExchange)?.request.headers
      const presented = headers?.get("x-api-key") ?? passwordOf(headers?.get("authorization") ?? null)
      const refused = Effect.suspend(() => Effect.andThen(logNotAuthenticated(keys.denialOf(presented)), challenge))
      return Effect.catchTag(recognised(presented, { admitted, refused }), "RateLimited", HttpServerRespondable.toResponse)
    })
  }
}
