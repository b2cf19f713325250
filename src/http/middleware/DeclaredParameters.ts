import { Effect, Layer, type Types } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { DeclaredParameters } from "../../api/middleware/DeclaredParameters.ts"
import type { InvalidRequest } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { bodyLimitsOf } from "../request/RequestBody.ts"
import { failInvalid, findFieldErrors, findUnexpectedParameters } from "../request/validation.ts"

type Handler = Effect.Effect<HttpServerResponse.HttpServerResponse, InvalidRequest | Types.unhandled, HttpServerRequest.HttpServerRequest>

export const DeclaredParametersLayer = Layer.effect(
  DeclaredParameters,
  Effect.map(Effect.all([Settings, EventLoop]), ([settings, eventLoop]) => {
    const limits = bodyLimitsOf(settings, eventLoop)
    return DeclaredParameters.of((handler, { endpoint }) =>
      endpoint.query !== undefined
        ? handler
        : Effect.flatMap(HttpServerRequest.HttpServerRequest, (request): Handler =>
            request.url.includes("?") && findUnexpectedParameters(request).length > 0
              ? Effect.flatMap(findFieldErrors(endpoint, limits), failInvalid)
              : handler
          )
    )
  })
)
