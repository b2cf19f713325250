import { Clock, Context, Effect, Layer, Option, type Scope, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { Authentication, CurrentCaller, RequiredScope } from "../../api/middleware/Authentication.ts"
import { Forbidden, Unauthenticated } from "../../api/Problems.ts"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { ApiKeys } from "../../services/ApiKeys.ts"
import { Identities } from "../../thingsboard/Identities.ts"
import { asCaller } from "../asCaller.ts"
import { refuse } from "../refuse.ts"
import { securityEvent } from "../securityEvent.ts"

type Guarded = Effect.Effect<HttpServerResponse.HttpServerResponse, Unauthenticated | Forbidden | Types.unhandled, Scope.Scope>

const unauthenticated = (detail: string): Guarded =>
  Effect.andThen(
    securityEvent(401, undefined),
    refuse(detail, (common) => new Unauthenticated({ ...common, details: {} }))
  )

const forbidden = (keyId: string, scope: KeyScope): Guarded =>
  Effect.andThen(
    securityEvent(403, keyId),
    refuse(`This key does not have the right ${scope}.`, (common) => new Forbidden({ ...common, details: { required_scope: scope } }))
  )

/** Reads the raw header: decoding it by a schema costs more than checking the key. */
export const AuthenticationLive = Layer.effect(
  Authentication,
  Effect.gen(function* () {
    const keys = yield* ApiKeys
    const identities = yield* Identities
    return Authentication.of((handler, { endpoint }) => {
      const scope = Option.getOrUndefined(Context.getOption(endpoint.annotations, RequiredScope))
      return Effect.withFiber((fiber): Guarded => {
        const presented = fiber.getRef(CurrentExchange)?.request.headers.get("x-api-key") ?? ""
        if (presented === "") return unauthenticated("This path needs a key in the header X-API-Key.")
        const key = keys.verify(presented, fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
        if (key === undefined) return unauthenticated("The key in X-API-Key is not valid.")
        if (scope !== undefined && !key.scopes.has(scope)) return forbidden(key.id, scope)
        return asCaller(key, identities, Effect.provideService(handler, CurrentCaller, key))
      })
    })
  })
)
