import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { Settings } from "../../config/Settings.ts"

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
]

/** Lets the web pages of BACKEND_CORS_ORIGINS call the API; without that setting no page of another origin may. */
export const CorsLive = Layer.unwrap(
  Effect.map(Settings, ({ backendCorsOrigins }) =>
    backendCorsOrigins.length === 0
      ? Layer.empty
      : HttpRouter.cors({
          allowedOrigins: backendCorsOrigins,
          allowedMethods: ["GET", "HEAD", "POST"],
          allowedHeaders: ["X-API-Key", "Content-Type", "X-Request-Id", "traceparent", "tracestate", "Last-Event-ID"],
          exposedHeaders,
          maxAge: 600
        })
  )
)
