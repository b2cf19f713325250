import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { InvalidKeyLimit } from "../../ratelimit/InvalidKeyLimit.ts"
import { makeAuthenticate } from "../auth/authenticate.ts"
import { CurrentAuthentication } from "../CurrentAuthentication.ts"
import { failIfExceeded, makeCountPerKey } from "../auth/rateLimiting.ts"
import { logNotAuthenticated } from "../logging/securityLog.ts"

type Response = HttpServerResponse.HttpServerResponse

const isRejection = ({ status }: Response) => status >= 400 && status < 500

/**
 * Counts requests that were rejected before an endpoint could count them (unknown paths and methods, limits on the request's size,
 * hosts that are not served) for their key, or else for their address. So probing for paths has the same limit as guessing keys, and
 * every rejection shows the rate limit. An invalid key at an unknown path is logged like any other.
 *
 * OPTIONS requests, most of them preflights of browsers, carry no key, so they count against their address; on their own, so that guesses
 * of keys from the same address do not keep a page from working, or the other way round.
 */
export const UnmatchedRequestsLayer = Layer.unwrap(
  Effect.gen(function* () {
    const authenticate = yield* makeAuthenticate
    const countPerKey = yield* makeCountPerKey
    const invalidKeyLimit = yield* InvalidKeyLimit

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

    const countOptions = (response: Response, address: string): Effect.Effect<Response, Types.unhandled> =>
      Effect.flatMap(invalidKeyLimit.countOptions(address), (status) => failIfExceeded(status, undefined, Effect.succeed(response))).pipe(
        Effect.catchTag("RateLimited", HttpServerRespondable.toResponse)
      )

    const countResponse = (response: Response): Effect.Effect<Response, Types.unhandled> => {
      if (isRejection(response)) return countRejection(response)
      // No other response to a request without a key has this status, so the method of most requests is not looked at.
      if (response.status !== 204) return Effect.succeed(response)
      return Effect.withFiber((fiber) => {
        const exchange = fiber.getRef(CurrentExchange)
        return exchange?.request.method === "OPTIONS"
          ? countOptions(response, exchange.remoteAddress ?? "unknown")
          : Effect.succeed(response)
      })
    }

    return HttpRouter.middleware((handled) => Effect.flatMap(handled, countResponse), { global: true })
  })
)
