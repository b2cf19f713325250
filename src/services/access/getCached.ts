import { Cache, Effect } from "effect"
import { CurrentExchange } from "../../platform/Exchange.ts"

/** The value of a cache, or a new one if the client accepts no cached data (`Cache-Control: no-cache`). */
export const getCached = <Key, A, E, R>(cache: Cache.Cache<Key, A, E, R>, key: Key): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => (fiber.getRef(CurrentExchange)?.dataRules.maxAge === 0 ? Cache.refresh(cache, key) : Cache.get(cache, key)))
