import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { InvalidRequest } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { refuse } from "../refuse.ts"
import { securityEvent } from "../securityEvent.ts"

const matches = (pattern: string, host: string) =>
  pattern === "*" || pattern === host || (pattern.startsWith("*.") && host.endsWith(pattern.slice(1)))

const refused = refuse("This gateway does not serve the host of the request (ALLOWED_HOSTS).", (common) => {
  return new InvalidRequest({ ...common, details: { errors: [{ field: "headers.host", issue: "Expected one of the allowed hosts" }] } })
})

/** Refuses requests that name another host than ALLOWED_HOSTS has, so that no forged `Host` header gets anywhere. Does nothing without that setting. */
export const AllowedHostsLive = Layer.unwrap(
  Effect.map(Settings, ({ allowedHosts }) =>
    allowedHosts.length === 0
      ? Layer.empty
      : HttpRouter.middleware(
          (handled) =>
            Effect.withFiber((fiber): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled> => {
              const host = (fiber.getRef(CurrentExchange)?.request.headers.get("host") ?? "").replace(/:\d+$/, "").toLowerCase()
              if (allowedHosts.some((pattern) => matches(pattern, host))) return handled
              return Effect.andThen(securityEvent(400, undefined), Effect.flatMap(Effect.flip(refused), HttpServerRespondable.toResponse))
            }),
          { global: true }
        )
  )
)
