import { Effect, Layer, type Types } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { DeclaredParameters } from "../../api/middleware/DeclaredParameters.ts"
import type { InvalidRequest } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { bodyLimitsOf } from "../request/RequestBody.ts"
import { allFieldErrors, failInvalid, unexpectedParameters } from "../request/validation.ts"

type Guarded = Effect.Effect<HttpServerResponse.HttpServerResponse, InvalidRequest | Types.unhandled, HttpServerRequest.HttpServerRequest>

export const DeclaredParametersLayer = Layer.effect(
  DeclaredParameters,
  Effect.map(Settings, (settings) => {
    const bounds = bodyLimitsOf(settings)
    return DeclaredParameters.of((handler, { endpoint }) =>
      endpoint.query !== undefined
        ? handler
        : Effect.flatMap(HttpServerRequest.HttpServerRequest, (request): Guarded =>
            request.url.includes("?") && unexpectedParameters(request).length > 0
              ? Effect.flatMap(allFieldErrors(endpoint, bounds), failInvalid)
              : handler
          )
    )
  })
)
