import { Effect, Layer } from "effect"
import { HttpServerRequest } from "effect/http"
import { BoundedBody } from "../../api/middleware/BoundedBody.ts"
import { Settings } from "../../config/Settings.ts"
import { arrived, bodyBoundsOf, isJson } from "../body.ts"

export const BoundedBodyLive = Layer.effect(
  BoundedBody,
  Effect.map(Settings, (settings) => {
    const bounds = bodyBoundsOf(settings)
    return BoundedBody.of((handler) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
        isJson(request) ? Effect.andThen(arrived(request, bounds), handler) : handler
      )
    )
  })
)
