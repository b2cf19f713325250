/**
 * The documentation behind a key, whatever its rights. Programs send it as everywhere in `X-API-Key`; a browser cannot when a page is
 * opened, but asks its user for a name and a password when it is told to, and the password is then the key.
 */
import { Clock, Effect } from "effect"
import { HttpServerRespondable, HttpServerResponse } from "effect/http"
import { type RateLimited, Unauthenticated } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import type { ApiKeys } from "../../services/ApiKeys.ts"
import type { Guesses } from "../../services/Guesses.ts"
import type { Standing } from "../../services/Limits.ts"
import { orTooMany } from "../limiting.ts"
import { refuse } from "../refuse.ts"
import { securityEvent } from "../securityEvent.ts"

const basic = /^Basic +([A-Za-z0-9+/]+={0,2})$/i

/** What stands behind the first colon; the name before it does not count. */
const passwordOf = (authorization: string | null): string => {
  const encoded = basic.exec(authorization ?? "")?.[1]
  if (encoded === undefined) return ""
  const text = Buffer.from(encoded, "base64").toString()
  return text.slice(text.indexOf(":") + 1)
}

const challenge = Effect.andThen(
  securityEvent(401, undefined),
  refuse(
    "The documentation needs a key: in the header X-API-Key, or in a browser as the password, with any name.",
    (common) => new Unauthenticated({ ...common, details: {} })
  )
).pipe(
  Effect.flip,
  Effect.flatMap(HttpServerRespondable.toResponse),
  Effect.map(HttpServerResponse.setHeader("www-authenticate", 'Basic realm="Boardwalk documentation", charset="UTF-8"'))
)

type Page = Effect.Effect<HttpServerResponse.HttpServerResponse>

const limited = (standing: Standing, keyId: string | undefined, next: Page): Page =>
  Effect.catchTag(orTooMany(standing, keyId, next), "RateLimited", (problem: RateLimited) => HttpServerRespondable.toResponse(problem))

export const behindKey =
  (keys: ApiKeys["Service"], guesses: Guesses["Service"]) =>
  (page: Page): Page =>
    Effect.withFiber((fiber) => {
      const exchange = fiber.getRef(CurrentExchange)
      const headers = exchange?.request.headers
      const presented = headers?.get("x-api-key") ?? passwordOf(headers?.get("authorization") ?? null)
      const address = exchange?.remoteAddress ?? "unknown"
      const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      const key = presented === "" ? undefined : keys.verify(presented, now)
      if (key === undefined) return Effect.flatMap(guesses.failed(address), (standing) => limited(standing, undefined, challenge))
      const shown = Effect.map(page, HttpServerResponse.setHeader("cache-control", "no-store"))
      const newcomer = guesses.admit(address, key.id, now)
      if (newcomer === undefined) return shown
      return Effect.flatMap(newcomer, (standing) => (standing.exceeded ? limited(standing, key.id, shown) : shown))
    })
