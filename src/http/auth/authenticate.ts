import { Clock, Effect } from "effect"
import type { RateLimited } from "../../api/Problems.ts"
import { type ApiKey, ApiKeys, type Denial } from "../../apikeys/ApiKeys.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { InvalidKeyLimit } from "../../ratelimit/InvalidKeyLimit.ts"
import { CurrentAuthentication, RequestAuthentication } from "../CurrentAuthentication.ts"
import { failIfExceeded } from "./rateLimiting.ts"

export type Authenticate = (presented: string) => Effect.Effect<ApiKey | Denial, RateLimited>

/**
 * The one way to authenticate a request: by the key that it presents (`""` for none). A denial counts against the client's address. An
 * address that has used up its limit gets 429 whatever it presents, so it learns nothing about keys; only a key that was used from
 * there before is still let in.
 */
export const makeAuthenticate = Effect.gen(function* () {
  const keys = yield* ApiKeys
  const invalidKeyLimit = yield* InvalidKeyLimit
  const authenticate: Authenticate = (presented) =>
    Effect.withFiber((fiber): Effect.Effect<ApiKey | Denial, RateLimited> => {
      const clock = fiber.getRef(Clock.Clock)
      const address = fiber.getRef(CurrentExchange)?.remoteAddress ?? "unknown"
      const authentication = fiber.getRef(CurrentAuthentication) ?? new RequestAuthentication()
      const result = authentication.authenticate(presented, keys, clock, address)
      if (result._tag === "Denial")
        return Effect.flatMap(invalidKeyLimit.recordFailure(address), (status) => failIfExceeded(status, undefined, Effect.succeed(result)))
      const firstUse = invalidKeyLimit.admit(address, result.id, clock.currentTimeMillisUnsafe())
      if (firstUse === undefined) return Effect.succeed(result)
      return Effect.flatMap(firstUse, (status) =>
        status.exceeded ? failIfExceeded(status, result.id, Effect.succeed(result)) : Effect.succeed(result)
      )
    })
  return authenticate
})
