import { Context, Effect, Layer, Option, type Scope, type Types } from "effect"
import { HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { Authentication, CurrentCaller, RequiredScope } from "../../api/middleware/Authentication.ts"
import { Forbidden, type RateLimited, Unauthenticated } from "../../api/Problems.ts"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import type { ApiKey, Denial } from "../../apikeys/ApiKeys.ts"
import { UserSessions } from "../../thingsboard/UserSessions.ts"
import { runAsCaller } from "../auth/runAsCaller.ts"
import { makeAuthenticate } from "../auth/authenticate.ts"
import { makeCountPerKey } from "../auth/rateLimiting.ts"
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

/** Callers may learn that a checksum is wrong, since it is no secret, but not that a key was valid once. */
const failUnauthenticated = (denial: Denial): Guarded => {
  if (denial.reason === "missing") return Effect.andThen(logNotAuthenticated(denial), noKey)
  return Effect.andThen(logNotAuthenticated(denial), denial.hasChecksumError ? mistypedKey : invalidKey)
}

const forbidden = (keyId: string, scope: KeyScope): Guarded =>
  Effect.andThen(
    logNotAllowed(keyId, scope),
    failWithProblem(
      `This key does not have the right ${scope}.`,
      (common) => new Forbidden({ ...common, details: { required_scope: scope } })
    )
  )

/** Logged once, when the secret was found to be missing; not again for each request. */
const unusable: Guarded = Effect.flatMap(Effect.flip(credentialsNotAccepted), HttpServerRespondable.toResponse)

/** Reads the raw header, since decoding it by a schema costs more than checking the key. */
export const AuthenticationLayer = Layer.effect(
  Authentication,
  Effect.gen(function* () {
    const authenticate = yield* makeAuthenticate
    const countPerKey = yield* makeCountPerKey
    const sessions = yield* UserSessions
    return Authentication.of((handler, { endpoint }) => {
      const scope = Option.getOrUndefined(Context.getOption(endpoint.annotations, RequiredScope))
      const authorize = (key: ApiKey): Guarded => {
        if (scope !== undefined && !key.scopes.has(scope)) return countPerKey(key, forbidden(key.id, scope))
        if (key.lacksSecret) return countPerKey(key, unusable)
        return runAsCaller(key, sessions, Effect.provideService(handler, CurrentCaller, key))
      }
      const continueAs = (result: ApiKey | Denial): Guarded => (result._tag === "ApiKey" ? authorize(result) : failUnauthenticated(result))
      return Effect.withFiber((fiber): Guarded => {
        const presented = fiber.getRef(CurrentExchange)?.request.headers.get("x-api-key") ?? ""
        return Effect.flatMap(authenticate(presented), continueAs)
      })
    })
  })
)
