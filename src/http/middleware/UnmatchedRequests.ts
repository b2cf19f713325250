import { Clock, Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { ApiKeys } from "../../apikeys/ApiKeys.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { makeAuthenticate } from "../auth/authenticate.ts"
import { CurrentAuthentication, RequestAuthentication } from "../CurrentAuthentication.ts"
import { makeCountPerKey } from "../auth/rateLimiting.ts"
import { logNotAuthenticated } from "../logging/securityLog.ts"

type Response = HttpServerResponse.HttpServerResponse

const isRejection = ({ status }: Response) => status >= 400 && status < 500

/**
 * Counts requests that were rejected before an endpoint could count them (unknown paths and methods, limits on the request's size,
 * hosts that are not served) for their key, or else for their address. So probing for paths has the same limit as guessing keys, and
 * every rejection shows the rate limit. An invalid key at an unknown path is logged like any other.
 *
 * As the outermost middleware that needs it, it also gives each request its `CurrentAuthentication`.
 */
export const UnmatchedRequestsLayer = Layer.unwrap(
  Effect.gen(function* () {
    const keys = yield* ApiKeys
    const authenticate = yield* makeAuthenticate
    const countPerKey = yield* makeCountPerKey

    const countRejection = (rejection: Response, presented: string): Effect.Effect<Response> =>
      Effect.flatMap(authenticate(presented), (result) => {
        if (result._tag === "ApiKey") return countPerKey(result, Effect.succeed(rejection))
        return presented === "" ? Effect.succeed(rejection) : Effect.as(logNotAuthenticated(result), rejection)
      }).pipe(Effect.catchTag("RateLimited", HttpServerRespondable.toResponse))

    return HttpRouter.middleware(
      (handled) =>
        Effect.withFiber((fiber) => {
          const authentication = new RequestAuthentication(keys, fiber.getRef(Clock.Clock))
          const counted = Effect.flatMap(handled, (response): Effect.Effect<Response, Types.unhandled> => {
            if (!isRejection(response) || authentication.isCounted) return Effect.succeed(response)
            const exchange = fiber.getRef(CurrentExchange)
            return exchange === undefined
              ? Effect.succeed(response)
              : countRejection(response, exchange.request.headers.get("x-api-key") ?? "")
          })
          return Effect.provideService(counted, CurrentAuthentication, authentication)
        }),
      { global: true }
    )
  })
)
