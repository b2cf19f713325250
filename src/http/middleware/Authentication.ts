import { Effect, Layer, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { Authentication, CurrentCaller } from "../../api/middleware/Authentication.ts"
import { Unauthenticated } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { ApiKeys } from "../../services/ApiKeys.ts"
import { refuse } from "../refuse.ts"
import { securityEvent } from "../securityEvent.ts"

const unauthenticated = (detail: string) =>
  Effect.andThen(
    securityEvent(401),
    refuse(detail, (common) => new Unauthenticated({ ...common, details: {} }))
  )

/** Reads the raw header: decoding it by a schema costs more than checking it. */
export const AuthenticationLive = Layer.effect(
  Authentication,
  Effect.gen(function* () {
    const keys = yield* ApiKeys
    return Authentication.of((handler) =>
      Effect.withFiber((fiber): Effect.Effect<HttpServerResponse.HttpServerResponse, Unauthenticated | Types.unhandled> => {
        const presented = fiber.getRef(CurrentExchange)?.request.headers.get("x-api-key") ?? ""
        if (presented === "") return unauthenticated("This path needs a key in the header X-API-Key.")
        const key = keys.verify(presented)
        if (key === undefined) return unauthenticated("The key in X-API-Key is not valid.")
        return Effect.provideService(handler, CurrentCaller, key)
      })
    )
  })
)
