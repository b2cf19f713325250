import { Effect, Layer, type Types } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { DeclaredParameters } from "../../api/middleware/DeclaredParameters.ts"
import type { InvalidRequest } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { bodyBoundsOf } from "../body.ts"
import { allFaults, invalid, unexpected } from "../requestFaults.ts"

type Guarded = Effect.Effect<HttpServerResponse.HttpServerResponse, InvalidRequest | Types.unhandled, HttpServerRequest.HttpServerRequest>

export const DeclaredParametersLive = Layer.effect(
  DeclaredParameters,
  Effect.map(Settings, (settings) => {
    const bounds = bodyBoundsOf(settings)
    return DeclaredParameters.of((handler, { endpoint }) =>
      endpoint.query !== undefined
        ? handler
        : Effect.flatMap(HttpServerRequest.HttpServerRequest, (request): Guarded =>
            request.url.includes("?") && unexpected(request).length > 0 ? Effect.flatMap(allFaults(endpoint, bounds), invalid) : handler
          )
    )
  })
)
