import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { ApiKeys } from "../../apikeys/ApiKeys.ts"
import { InvalidKeyLimit } from "../../ratelimit/InvalidKeyLimit.ts"
import { authenticate } from "../auth/authenticate.ts"
import { countPerKey } from "../auth/rateLimiting.ts"
import { logNotAuthenticated } from "../logging/securityLog.ts"

type Answer = HttpServerResponse.HttpServerResponse

const isRefusal = ({ status }: Answer) => status >= 400 && status < 500

/**
 * Counts what was refused before an endpoint could count it (unknown paths and methods, what the door turns away), for the key or else
 * for the address: who tries around has the limit of who guesses, and every refusal tells how it stands. A key that is tried at a path
 * that does not exist is told of like any other.
 */
export const UnmatchedRequestsLayer = Layer.unwrap(
  Effect.gen(function* () {
    const countedFor = yield* countPerKey
    const keys = yield* ApiKeys
    const recognised = authenticate(keys, yield* InvalidKeyLimit)
    const counted = (refusal: Answer, presented: string): Effect.Effect<Answer> => {
      const refused = Effect.succeed(refusal)
      const guessed = presented === "" ? refused : Effect.andThen(logNotAuthenticated(keys.denialOf(presented)), refused)
      return recognised(presented, {
        admitted: (key) => countedFor(key, refused),
        refused: guessed
      }).pipe(Effect.catchTag("RateLimited", HttpServerRespondable.toResponse))
    }
    return HttpRouter.middleware(
      (handled) =>
        Effect.flatMap(handled, (answer): Effect.Effect<Answer, Types.unhandled> =>
          isRefusal(answer)
            ? Effect.withFiber((fiber) => {
                const exchange = fiber.getRef(CurrentExchange)
                return exchange === undefined || "x-ratelimit-limit" in exchange.headers
                  ? Effect.succeed(answer)
                  : counted(answer, exchange.request.headers.get("x-api-key") ?? "")
              })
            : Effect.succeed(answer)
        ),
      { global: true }
    )
  })
)
