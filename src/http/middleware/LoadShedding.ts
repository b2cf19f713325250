import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { Overload } from "../../overload/Overload.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { isHealthCheck } from "../request/healthChecks.ts"
import { failShed } from "../response/overloaded.ts"

type Handled = Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled>

/** Rejects all requests except health checks while the gateway is heavily overloaded, before it does anything for them. */
export const LoadSheddingLayer = Layer.unwrap(
  Effect.map(Overload, (overload) => {
    const shed = (handled: Handled): Handled =>
      Effect.withFiber((fiber) => {
        const exchange = fiber.getRef(CurrentExchange)
        if (exchange === undefined || exchange.isOnlyRequest || isHealthCheck(exchange.request.url)) return handled
        return Effect.flatMap(Effect.flip(failShed(overload)), HttpServerRespondable.toResponse)
      })
    return HttpRouter.middleware((handled) => Effect.suspend((): Handled => (overload.load().level < 2 ? handled : shed(handled))), {
      global: true
    })
  })
)
