import { Clock, Context, Effect, Layer, Option, type Scope, type Types } from "effect"
import { HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { Authentication, CurrentCaller, RequiredScope } from "../../api/middleware/Authentication.ts"
import { Forbidden, type RateLimited, Unauthenticated } from "../../api/Problems.ts"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { type ApiKey, ApiKeys } from "../../apikeys/ApiKeys.ts"
import { InvalidKeyLimit } from "../../ratelimit/InvalidKeyLimit.ts"
import { hasChecksumError } from "../../apikeys/KeyFormat.ts"
import { UserSessions } from "../../thingsboard/UserSessions.ts"
import { runAsCaller } from "../auth/runAsCaller.ts"
import { authenticate } from "../auth/authenticate.ts"
import { countPerKey } from "../auth/rateLimiting.ts"
import { failWithProblem } from "../response/problem.ts"
import { logNotAllowed, logNotAuthenticated } from "../logging/securityLog.ts"
import { credentialsNotAccepted } from "../response/toProblem.ts"

type Guarded = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  Unauthenticated | Forbidden | RateLimited | Types.unhandled,
  Scope.Scope
>

const unauthenticated = (detail: string): Guarded => failWithProblem(detail, (common) => new Unauthenticated({ ...common, details: {} }))

const noKey = unauthenticated("This path needs a key in the header X-API-Key.")
const invalidKey = unauthenticated("The key in X-API-Key is not valid.")
const mistypedKey = unauthenticated("The key in X-API-Key is mistyped or cut off: its checksum does not fit it.")

/** The checksum is no secret: to say that it is wrong tells a guesser nothing. That a key was good once is for the log alone. */
const refusalOf = (presented: string): Guarded => {
  if (presented === "") return noKey
  return hasChecksumError(presented) ? mistypedKey : invalidKey
}

const forbidden = (keyId: string, scope: KeyScope): Guarded =>
  Effect.andThen(
    logNotAllowed(keyId, scope),
    failWithProblem(
      `This key does not have the right ${scope}.`,
      (common) => new Forbidden({ ...common, details: { required_scope: scope } })
    )
  )

/** The log has told of it when it was found, and need not tell of each call. */
const unusable: Guarded = Effect.flatMap(Effect.flip(credentialsNotAccepted), HttpServerRespondable.toResponse)

/** Reads the raw header: decoding it by a schema costs more than checking the key. */
export const AuthenticationLayer = Layer.effect(
  Authentication,
  Effect.gen(function* () {
    const keys = yield* ApiKeys
    const recognised = authenticate(keys, yield* InvalidKeyLimit)
    const identities = yield* UserSessions
    const counted = yield* countPerKey
    return Authentication.of((handler, { endpoint }) => {
      const scope = Option.getOrUndefined(Context.getOption(endpoint.annotations, RequiredScope))
      const admitted = (key: ApiKey): Guarded => {
        if (scope !== undefined && !key.scopes.has(scope)) return counted(key, forbidden(key.id, scope))
        if (key.lacksSecret) return counted(key, unusable)
        return runAsCaller(key, identities, Effect.provideService(handler, CurrentCaller, key))
      }
      return Effect.withFiber((fiber): Guarded => {
        const exchange = fiber.getRef(CurrentExchange)
        const presented = exchange?.request.headers.get("x-api-key") ?? ""
        if (exchange !== undefined) {
          const clock = fiber.getRef(Clock.Clock)
          exchange.mayGoOn = () => keys.verify(presented, clock.currentTimeMillisUnsafe()) !== undefined
        }
        const refused = Effect.suspend(() => Effect.andThen(logNotAuthenticated(keys.denialOf(presented)), refusalOf(presented)))
        return recognised(presented, { admitted, refused })
      })
    })
  })
)
