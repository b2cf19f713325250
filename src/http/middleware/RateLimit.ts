import { Context, Effect, Layer, type Scope, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import { RateLimit } from "../../api/middleware/RateLimit.ts"
import type { RateLimited } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { makeCountPerKey, failTooManyRequests } from "../auth/rateLimiting.ts"

type Guarded = Effect.Effect<HttpServerResponse.HttpServerResponse, RateLimited | Types.unhandled, Scope.Scope>

/**
 * Lets the handler run while it holds one of a key's places: until a streamed answer has been written to its last byte, or nobody reads
 * it any more. An answer that is there as a whole gives its place back at once: a finalizer of the request's scope would cost it 2 µs.
 */
const placesOf = (most: number) => {
  const taken = new Map<string, number>()
  const giveBack = (id: string) => {
    const count = taken.get(id)! - 1
    if (count === 0) taken.delete(id)
    else taken.set(id, count)
  }
  return (id: string, handler: Guarded): Guarded =>
    Effect.suspend(() => {
      let has = false
      // Taken within what gives it back, so that no interruption comes between the two.
      const held = Effect.suspend(() => {
        const count = taken.get(id) ?? 0
        if (count >= most)
          return failTooManyRequests(`This key has ${most} requests in flight, which is the most: wait for answers.`, 1, "in_flight", id)
        taken.set(id, count + 1)
        has = true
        return handler
      })
      return Effect.onExit(held, (exit): Effect.Effect<void, never, Scope.Scope> => {
        if (!has) return Effect.void
        if (exit._tag === "Success" && exit.value.body._tag === "Stream") return Effect.addFinalizer(() => Effect.sync(() => giveBack(id)))
        giveBack(id)
        return Effect.void
      })
    })
}

/** Every key has its token bucket, and so many requests in flight at once. */
export const RateLimitLayer = Layer.effect(
  RateLimit,
  Effect.gen(function* () {
    const countPerKey = yield* makeCountPerKey
    const inPlace = placesOf((yield* Settings).maxConcurrentRequests)
    return RateLimit.of((handler) =>
      Effect.withFiber((fiber): Guarded => {
        const caller = Context.getUnsafe(fiber.context as Context.Context<CurrentCaller>, CurrentCaller)
        return countPerKey(caller, inPlace(caller.id, handler))
      })
    )
  })
)
