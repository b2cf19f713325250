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

/** Paths that need no login. The device transport has tokens of its own. */
const isPublic = (path: string) => path === "/api/auth/login" || path === "/api/auth/token" || /^\/api\/(noauth|v1)\//.test(path)

/** Paths that only newer versions have. */
const isOnlyInNewerVersions = (path: string) => path.startsWith("/api/apiKey") || path.endsWith("/values/timeseries/history")

const maxBodySize = 16 * 1024 * 1024

/** Bytes of the first line and of all headers with their line ends: Tomcat's default, which ThingsBoard's configuration leaves as it is. */
const maxHeadSize = 8 * 1024

const headSizeOf = ({ headers, method, url }: HttpServerRequest.HttpServerRequest) =>
  Object.entries(headers).reduce((size, [name, value]) => size + name.length + value.length + 4, method.length + url.length + 12)

/** Where a redirect of ours leads. */
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
          // Read to its end: an answer to half a body can leave the client waiting for its own writes.
          yield* Effect.ignore(Stream.runDrain(request.stream))
          return yield* bodyTooLarge()
        }
        const invalidParameter = checkParameters(behavior.version, endpoint.path, yield* HttpServerRequest.ParsedSearchParams)
        return invalidParameter === undefined ? yield* Effect.provideService(handler, Caller, caller) : yield* invalidParameter
      }).pipe(
        Effect.catch(
          (error): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled, HttpServerRequest.HttpServerRequest> => {
            const invalidParameter = HttpApiError.HttpApiSchemaError.is(error) ? badRequest("Malformed parameter") : error
            return invalidParameter instanceof ErrorResponse
              ? Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => toResponse(invalidParameter, baseUrlOf(request)))
              : Effect.fail(invalidParameter)
          }
        )
      )
    )
  })
)
