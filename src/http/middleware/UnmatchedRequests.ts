import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { makeAuthenticate } from "../auth/authenticate.ts"
import { CurrentAuthentication } from "../CurrentAuthentication.ts"
import { makeCountPerKey } from "../auth/rateLimiting.ts"
import { logNotAuthenticated } from "../logging/securityLog.ts"

type Response = HttpServerResponse.HttpServerResponse

const isRejection = ({ status }: Response) => status >= 400 && status < 500

/**
 * Counts requests that were rejected before an endpoint could count them (unknown paths and methods, limits on the request's size,
 * hosts that are not served) for their key, or else for their address. So probing for paths has the same limit as guessing keys, and
 * every rejection shows the rate limit. An invalid key at an unknown path is logged like any other.
 */
export const UnmatchedRequestsLayer = Layer.unwrap(
  Effect.gen(function* () {
    const authenticate = yield* makeAuthenticate
    const countPerKey = yield* makeCountPerKey

    const countRejection = (rejection: Response): Effect.Effect<Response, Types.unhandled> =>
      Effect.withFiber((fiber) => {
        const exchange = fiber.getRef(CurrentExchange)
        if (exchange === undefined || fiber.getRef(CurrentAuthentication)?.isCounted === true) return Effect.succeed(rejection)
        const presented = exchange.request.headers.get("x-api-key") ?? ""
        return Effect.flatMap(authenticate(presented), (result) => {
          if (result._tag === "ApiKey") return countPerKey(result, Effect.succeed(rejection))
          return presented === "" ? Effect.succeed(rejection) : Effect.as(logNotAuthenticated(result), rejection)
        }).pipe(Effect.catchTag("RateLimited", HttpServerRespondable.toResponse))
      })

    return HttpRouter.middleware(
      (handled) => Effect.flatMap(handled, (response) => (isRejection(response) ? countRejection(response) : Effect.succeed(response))),
      { global: true }
    )
  })
)
