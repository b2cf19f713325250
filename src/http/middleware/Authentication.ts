import { Context, Duration, Effect, Layer, Option, type Scope, type Types } from "effect"
import { HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { Authentication, CurrentCaller, Expensive, RequiredScope } from "../../api/middleware/Authentication.ts"
import { Forbidden, type Overloaded, type RateLimited, Unauthenticated } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { Overload } from "../../overload/Overload.ts"
import { CurrentExchange, type Exchange } from "../../platform/Exchange.ts"
import type { ApiKey, Denial } from "../../apikeys/ApiKeys.ts"
import { UserSessions } from "../../thingsboard/UserSessions.ts"
import { CurrentAuthentication, type RequestAuthentication } from "../CurrentAuthentication.ts"
import { runAsCaller } from "../auth/runAsCaller.ts"
import { makeAuthenticate } from "../auth/authenticate.ts"
import { makeCountPerKey } from "../auth/rateLimiting.ts"
import { limitTime } from "../request/preferences.ts"
import { failShed } from "../response/overloaded.ts"
import { failWithProblem } from "../response/problem.ts"
import { logNotAllowed, logNotAuthenticated } from "../logging/securityLog.ts"
import { credentialsNotAccepted } from "../response/toProblem.ts"

type Handler = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  Unauthenticated | Forbidden | Overloaded | RateLimited | Types.unhandled,
  Scope.Scope
>

const failWithDetail = (detail: string): Handler => failWithProblem(detail, (common) => new Unauthenticated({ ...common, details: {} }))

const failMissingKey = failWithDetail("This path needs a key in the header X-API-Key.")
const failInvalidKey = failWithDetail("The key in X-API-Key is not valid.")
const failMistypedKey = failWithDetail("The key in X-API-Key is mistyped or incomplete: its checksum is wrong.")

/** Callers may learn that a checksum is wrong, since it is no secret, but not that a key was valid once. */
const failUnauthenticated = (denial: Denial): Handler => {
  if (denial.reason === "missing") return Effect.andThen(logNotAuthenticated(denial), failMissingKey)
  return Effect.andThen(logNotAuthenticated(denial), denial.hasChecksumError ? failMistypedKey : failInvalidKey)
}

const failForbidden = (keyId: string, scope: KeyScope): Handler =>
  Effect.andThen(
    logNotAllowed(keyId, scope),
    failWithProblem(
      `This key does not have the scope ${scope}.`,
      (common) => new Forbidden({ ...common, details: { required_scope: scope } })
    )
  )

/** Logged once, when the secret was found to be missing; not again for each request. */
const rejectUnusableKey: Handler = Effect.flatMap(Effect.flip(credentialsNotAccepted), HttpServerRespondable.toResponse)

/** Uploads of a few points go on while expensive requests are rejected. */
const maxSmallBody = 64 * 1024

const isExpensive = (expensive: Expensive["Service"] | undefined, headers: Headers): boolean =>
  expensive === "always" || (expensive === "withLargeBody" && !(Number(headers.get("content-length") ?? Number.NaN) <= maxSmallBody))

/** Reads the raw header, since decoding it by a schema costs more than checking the key. */
export const AuthenticationLayer = Layer.effect(
  Authentication,
  Effect.gen(function* () {
    const authenticate = yield* makeAuthenticate
    const countPerKey = yield* makeCountPerKey
    const sessions = yield* UserSessions
    const overload = yield* Overload
    const maxMillis = Duration.toMillis((yield* Settings).requestTimeout)
    return Authentication.of((handler, { endpoint }) => {
      const scope = Option.getOrUndefined(Context.getOption(endpoint.annotations, RequiredScope))
      const expensive = Option.getOrUndefined(Context.getOption(endpoint.annotations, Expensive))
      const authorize = (key: ApiKey, authentication: RequestAuthentication | undefined, exchange: Exchange | undefined): Handler => {
        if (scope !== undefined && !key.scopes.has(scope)) return countPerKey(key, failForbidden(key.id, scope))
        if (key.lacksSecret) return countPerKey(key, rejectUnusableKey)
        if (authentication !== undefined) authentication.scope = scope
        if (exchange !== undefined) {
          exchange.keyId = key.id
          limitTime(exchange, maxMillis)
        }
        return runAsCaller(key, sessions, Effect.provideService(handler, CurrentCaller, key))
      }
      return Effect.withFiber((fiber): Handler => {
        const exchange = fiber.getRef(CurrentExchange)
        if (overload.load().level > 0 && exchange?.isOnlyRequest === false && isExpensive(expensive, exchange.request.headers))
          return failShed(overload)
        const presented = exchange?.request.headers.get("x-api-key") ?? ""
        return Effect.flatMap(authenticate(presented), (result) =>
          result._tag === "ApiKey" ? authorize(result, fiber.getRef(CurrentAuthentication), exchange) : failUnauthenticated(result)
        )
      })
    })
  })
)
