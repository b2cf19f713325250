import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange, type Exchange } from "../../platform/Exchange.ts"

/** Response headers that pages of other origins may read. */
const exposedHeaders = [
  "X-Request-Id",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "Content-Disposition",
  "X-Keys-Skipped",
  "ETag",
  "Age",
  "Preference-Applied",
  "Location",
  "Warning",
  "Idempotent-Replayed"
].join(", ")

const preflightHeaders = {
  "access-control-allow-methods": "GET, HEAD, POST",
  "access-control-allow-headers":
    "X-API-Key, Content-Type, X-Request-Id, traceparent, tracestate, Last-Event-ID, If-None-Match, Cache-Control, Prefer, Idempotency-Key",
  "access-control-max-age": "600"
}

/** Returns the value of `Access-Control-Allow-Origin`, if any. The origin `null`, which any page can have, is allowed only by `*`. */
const makeAllowOrigin = (origins: ReadonlyArray<string>) => {
  if (origins.includes("*")) return () => "*"
  const allowed = new Set(origins)
  return (origin: string) => (allowed.has(origin) ? origin : undefined)
}

/**
 * A preflight is checked and counted like any request. At an unknown path it succeeds, so that the page can read the 404 of the request that
 * follows.
 */
const respondToPreflight = (response: HttpServerResponse.HttpServerResponse) =>
  response.status === 204 || response.status === 404 ? HttpServerResponse.empty({ status: 204, headers: preflightHeaders }) : response

/** Writes the headers for web pages of these origins; returns whether the request is from one of them. Undefined if no page may call the API. */
export const makeCorsHeaders = (origins: ReadonlyArray<string>): ((exchange: Exchange) => boolean) | undefined => {
  if (origins.length === 0) return undefined
  const allowOrigin = makeAllowOrigin(origins)
  return (exchange) => {
    const { headers, request } = exchange
    exchange.varyBy("Origin")
    const origin = request.headers.get("origin")
    const allowed = origin === null ? undefined : allowOrigin(origin)
    if (allowed === undefined) return false
    headers["access-control-allow-origin"] = allowed
    headers["access-control-expose-headers"] = exposedHeaders
    return true
  }
}

/**
 * Lets web pages of BACKEND_CORS_ORIGINS call the API; without that setting no page of another origin may. Credentials such as cookies
 * are never allowed.
 *
 * Effect's `HttpMiddleware.cors` is deliberately not used. It answers every OPTIONS request itself, where this API answers those that are
 * not preflights with `Allow`. With a single allowed origin it sends `Access-Control-Allow-Origin` to every other origin too. And it copies
 * the headers of each response; here they are written once, before anything can reject the request, so pages can read every rejection.
 */
export const CorsLayer = Layer.unwrap(
  Effect.map(Settings, ({ backendCorsOrigins }) => {
    const writeHeaders = makeCorsHeaders(backendCorsOrigins)
    if (writeHeaders === undefined) return Layer.empty
    return HttpRouter.middleware(
      (handled) =>
        Effect.withFiber((fiber): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled> => {
          const exchange = fiber.getRef(CurrentExchange)
          if (exchange === undefined || !writeHeaders(exchange)) return handled
          const { request } = exchange
          return request.method === "OPTIONS" && request.headers.has("access-control-request-method")
            ? Effect.map(handled, respondToPreflight)
            : handled
        }),
      { global: true }
    )
  })
)
