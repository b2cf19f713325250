/** Who may go on: callers with a valid key. All others count against their address. */
import { Clock, Effect } from "effect"
import type { RateLimited } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import type { ApiKey, ApiKeys } from "../../apikeys/ApiKeys.ts"
import type { InvalidKeyLimit } from "../../ratelimit/InvalidKeyLimit.ts"
import { failIfExceeded } from "./rateLimiting.ts"

interface Ways<A, E, R, B, F, S> {
  /** For a valid key. */
  readonly admitted: (key: ApiKey) => Effect.Effect<A, E, R>
  /** For none, or one that is not valid; counted before. */
  readonly refused: Effect.Effect<B, F, S>
}

/** An address that has used up its limit is told nothing of a key, unless the key was used from there before. */
export const authenticate =
  (keys: ApiKeys["Service"], guesses: InvalidKeyLimit["Service"]) =>
  <A, E, R, B, F, S>(presented: string, { admitted, refused }: Ways<A, E, R, B, F, S>): Effect.Effect<A | B, E | F | RateLimited, R | S> =>
    Effect.withFiber((fiber): Effect.Effect<A | B, E | F | RateLimited, R | S> => {
      const address = fiber.getRef(CurrentExchange)?.remoteAddress ?? "unknown"
      const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      const key = presented === "" ? undefined : keys.verify(presented, now)
      if (key === undefined)
        return Effect.flatMap(guesses.recordFailure(address), (standing) => failIfExceeded(standing, undefined, refused))
      const newcomer = guesses.admit(address, key.id, now)
      if (newcomer === undefined) return admitted(key)
      return Effect.flatMap(newcomer, (standing) => (standing.exceeded ? failIfExceeded(standing, key.id, admitted(key)) : admitted(key)))
    })
