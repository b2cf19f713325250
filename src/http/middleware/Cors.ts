import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"

/** Headers of an answer that pages of other origins may read. */
const exposedHeaders = [
  "X-Request-Id",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "Content-Disposition"
].join(", ")

const preflight = {
  "access-control-allow-methods": "GET, HEAD, POST",
  "access-control-allow-headers": "X-API-Key, Content-Type, X-Request-Id, traceparent, tracestate, Last-Event-ID",
  "access-control-max-age": "600"
}

/** The origin as it is allowed, or nothing; `null`, which any page can have, only where all may. */
const allowing = (origins: ReadonlyArray<string>) => {
  if (origins.includes("*")) return () => "*"
  const allowed = new Set(origins)
  return (origin: string) => (allowed.has(origin) ? origin : undefined)
}

/**
 * Lets the web pages of BACKEND_CORS_ORIGINS call the API; without that setting no page of another origin may. The headers are written
 * before anything else looks at the request, so that pages can read every refusal too. Cookies and the like are never allowed.
 */
export const CorsLayer = Layer.unwrap(
  Effect.map(Settings, ({ backendCorsOrigins }) => {
    if (backendCorsOrigins.length === 0) return Layer.empty
    const allow = allowing(backendCorsOrigins)
    return HttpRouter.middleware(
      (handled) =>
        Effect.withFiber((fiber): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled> => {
          const exchange = fiber.getRef(CurrentExchange)
          if (exchange === undefined) return handled
          const { headers, request } = exchange
          headers["vary"] = "Origin"
          const origin = request.headers.get("origin")
          const allowed = origin === null ? undefined : allow(origin)
          if (allowed === undefined) return handled
          headers["access-control-allow-origin"] = allowed
          headers["access-control-expose-headers"] = exposedHeaders
          return request.method === "OPTIONS" && request.headers.has("access-control-request-method")
            ? Effect.succeed(HttpServerResponse.empty({ status: 204, headers: preflight }))
            : handled
        }),
      { global: true }
    )
  })
)
