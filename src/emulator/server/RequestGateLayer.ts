/** Authentication, rate limits and checks of size and parameters, before any handler. */
import { Effect, Layer, Stream, type Types } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { RequestGate } from "../api/RequestGate.ts"
import { Behavior } from "../Behavior.ts"
import { Caller, anonymous } from "../auth/Caller.ts"
import { checkParameters } from "../http/parameters.ts"
import { RateLimits } from "./RateLimits.ts"
import { badRequest, bodyTooLarge, headersTooLarge, noResource, ErrorResponse, toResponse } from "../http/ErrorResponse.ts"
import { Sessions } from "../auth/Sessions.ts"

/** Paths without authentication. The HTTP API for devices has its own tokens. */
const isPublic = (path: string) => path === "/api/auth/login" || path === "/api/auth/token" || /^\/api\/(noauth|v1)\//.test(path)

/** Paths that 4.1 does not have. */
const isOnlyInNewerVersions = (path: string) => path.startsWith("/api/apiKey") || path.endsWith("/values/timeseries/history")

/** ThingsBoard's default limit. */
const maxBodySize = 16 * 1024 * 1024

/** Bytes of the request line and headers, including line ends: Tomcat's default, which ThingsBoard's configuration does not change. */
const maxHeadSize = 8 * 1024

const headSizeOf = ({ headers, method, url }: HttpServerRequest.HttpServerRequest) =>
  Object.entries(headers).reduce((size, [name, value]) => size + name.length + value.length + 4, method.length + url.length + 12)

/** The emulator's own address, for redirects. */
export const baseUrlOf = (request: HttpServerRequest.HttpServerRequest) => `http://${request.headers["host"] ?? "localhost"}`

export const RequestGateLayer = Layer.effect(
  RequestGate,
  Effect.gen(function* () {
    const behavior = yield* Behavior
    const rateLimits = yield* RateLimits
    const sessions = yield* Sessions
    return RequestGate.of((handler, { endpoint }) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        if (headSizeOf(request) > maxHeadSize) return yield* headersTooLarge()
        const caller = isPublic(endpoint.path) ? anonymous : yield* sessions.authenticateHeaders((name) => request.headers[name])
        yield* rateLimits.take(caller)
        if (behavior.version === "4.1" && isOnlyInNewerVersions(endpoint.path)) return yield* noResource(request.url.split("?")[0]!)
        if (Number(request.headers["content-length"] ?? 0) > maxBodySize) {
          // Read the whole body first: a response before its end can leave the client waiting for its own writes.
          yield* Effect.ignore(Stream.runDrain(request.stream))
          return yield* bodyTooLarge()
        }
        const invalidParameter = checkParameters(behavior.version, endpoint.path, yield* HttpServerRequest.ParsedSearchParams)
        return invalidParameter === undefined ? yield* Effect.provideService(handler, Caller, caller) : yield* invalidParameter
      }).pipe(
        Effect.catch(
          (error): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled, HttpServerRequest.HttpServerRequest> => {
            const failure = HttpApiError.HttpApiSchemaError.is(error) ? badRequest("Malformed parameter") : error
            return failure instanceof ErrorResponse
              ? Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => toResponse(failure, baseUrlOf(request)))
              : Effect.fail(failure)
          }
        )
      )
    )
  })
)
