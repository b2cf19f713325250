import { Effect, Layer } from "effect"
import { HttpServerRequest } from "effect/http"
import { BoundedBody } from "../../api/middleware/BoundedBody.ts"
import { Settings } from "../../config/Settings.ts"
import { awaitBody, bodyLimitsOf, isJson } from "../request/RequestBody.ts"

export const BoundedBodyLayer = Layer.effect(
  BoundedBody,
  Effect.map(Settings, (settings) => {
    const bounds = bodyLimitsOf(settings)
    return BoundedBody.of((handler) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
        isJson(request) ? Effect.andThen(awaitBody(request, bounds), handler) : handler
      )
    )
  })
)
