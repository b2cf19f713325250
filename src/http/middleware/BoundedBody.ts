import { Effect, Layer, type Types } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { BoundedBody } from "../../api/middleware/BoundedBody.ts"
import type { InvalidRequest, Overloaded, PayloadTooLarge, RequestTimeout, UnsupportedMediaType } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { respondIfEnded } from "../request/authorizationEnd.ts"
import { failUnsupportedMediaType, isJson } from "../request/bodyKind.ts"
import { awaitBody, bodyLimitsOf } from "../request/RequestBody.ts"
import { failInvalid, findFieldErrors } from "../request/validation.ts"

type Problem = InvalidRequest | Overloaded | PayloadTooLarge | RequestTimeout | UnsupportedMediaType | Types.unhandled
type Handler = Effect.Effect<HttpServerResponse.HttpServerResponse, Problem, HttpServerRequest.HttpServerRequest>

export const BoundedBodyLayer = Layer.effect(
  BoundedBody,
  Effect.map(Effect.all([Settings, EventLoop]), ([settings, eventLoop]) => {
    const limits = bodyLimitsOf(settings, eventLoop)
    return BoundedBody.of((handler: Handler, { endpoint }) => {
      // The framework would respond with 415 in plain text, after it has decoded the path and the query.
      const rejectMediaType = Effect.flatMap(findFieldErrors(endpoint, limits), (errors): Handler =>
        errors.length > 0 ? failInvalid(errors) : failUnsupportedMediaType(["application/json"])
      )
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request): Handler =>
        isJson(request) ? respondIfEnded(Effect.andThen(awaitBody(request, limits), handler)) : rejectMediaType
      )
    })
  })
)
