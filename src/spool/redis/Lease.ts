/**
 * Says that this gateway is alive. What a gateway claims, it loses to others once its lease has ended: when it was killed, or cannot reach
 * Redis. It stops using its claims well before that.
 */
import { Clock, Deferred, Effect, Schedule, type Scope } from "effect"
import { currentMonotonicMillis, monotonicMillis } from "../../platform/monotonicTime.ts"
import { SpoolFailed } from "../errors.ts"
import type { Connection } from "./Connection.ts"
import { script } from "./lua.ts"

/** Ms after which others take over what a gateway that does not renew its lease has claimed. */
export const leaseMillis = 15_000

/** Ms after the last renewal when a gateway stops: a call to ThingsBoard may be on its way for a few seconds more. */
const usableMillis = 10_000

const renewEvery = "3 seconds"
const checkEvery = "500 millis"

const renew = script<1>(`redis.call("SET", P .. "lease:" .. ARGV[1], 1, "PX", ARGV[2]) return 1`)

/** Ends a lease at once, so that others need not wait. */
const end = script<1>(`redis.call("DEL", P .. "lease:" .. ARGV[1]) return 1`)

export interface Lease {
  /** The name of this gateway. */
  readonly gateway: string
  /** Fails if the lease may have ended. */
  readonly ensureUsable: Effect.Effect<void, SpoolFailed>
  /** Runs an effect until the lease ends; then interrupts it, and fails. */
  readonly during: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SpoolFailed, R>
}

const leaseEnded = new SpoolFailed({ code: "LEASE_ENDED" })

/** Renews the lease until the scope closes. */
export const makeLease = Effect.fnUntraced(function* ({ run }: Connection): Effect.fn.Return<Lease, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const gateway = crypto.randomUUID()
  let usableUntil = Number.NEGATIVE_INFINITY
  let ended = Deferred.makeUnsafe<never, SpoolFailed>()
  const isUsable = () => monotonicMillis(clock) < usableUntil

  const renewal = Effect.gen(function* () {
    // Redis counts from a later moment.
    const sentAt = yield* currentMonotonicMillis
    yield* run(renew, gateway, leaseMillis)
    usableUntil = sentAt + usableMillis
  })
  const interruptUsers = Effect.sync(() => {
    if (isUsable()) return
    Deferred.doneUnsafe(ended, Effect.fail(leaseEnded))
    ended = Deferred.makeUnsafe()
  })

  yield* Effect.addFinalizer(() => Effect.ignore(run(end, gateway)))
  yield* Effect.ignore(renewal)
  yield* Effect.forkScoped(Effect.repeat(Effect.ignore(renewal), Schedule.spaced(renewEvery)))
  yield* Effect.forkScoped(Effect.repeat(interruptUsers, Schedule.spaced(checkEvery)))
  const ensureUsable = Effect.suspend(() => (isUsable() ? Effect.void : Effect.fail(leaseEnded)))
  return {
    gateway,
    ensureUsable,
    during: (effect) =>
      Effect.andThen(
        ensureUsable,
        Effect.suspend(() => Effect.raceFirst(effect, Deferred.await(ended)))
      )
  }
})
