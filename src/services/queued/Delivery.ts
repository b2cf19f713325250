/**
 * Stores in ThingsBoard what waits in the spool. Each key has a fiber of its own while points of it wait: when its ThingsBoard user cannot
 * log in, other keys are not held up.
 */
import { Cause, Duration, Effect, FiberMap, Latch, Layer, MutableHashMap, Option, Schedule, Semaphore } from "effect"
import { ApiKeys } from "../../apikeys/ApiKeys.ts"
import { Settings, type TbCredentials } from "../../config/Settings.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import type { Spool } from "../../spool/Spool.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { UserSessions } from "../../thingsboard/UserSessions.ts"
import { Ingest } from "../ingest/Ingest.ts"
import { recordWaiting } from "./metrics.ts"
import { OwnerDelivery, type UserHealth } from "./OwnerDelivery.ts"
import { UploadSpool } from "./UploadSpool.ts"

/** Ms. Other processes may put points into the queue: other gateways, and `boardwalk spool retry`. */
const pollInterval = 1000

/** Ms between two looks at whose points wait, when uploads are added all the time. */
const startPause = 20

/**
 * Makes a function that logs failures, the first one until an effect succeeds. Nothing is lost when the spool cannot be read or written: what
 * was delivered meanwhile is delivered again.
 */
const makeLogFailure = () => {
  let isLogged = false
  const log = (cause: Cause.Cause<unknown>) =>
    Effect.suspend(() => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
      const wasLogged = isLogged
      isLogged = true
      return wasLogged ? Effect.void : Effect.logError("Queued uploads could not be delivered; trying again", cause)
    })
  const noteSuccess = Effect.sync(() => {
    isLogged = false
  })
  return <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.catchCause(Effect.andThen(effect, noteSuccess), log)
}

const deliver = (spool: Spool) =>
  Effect.gen(function* () {
    const { spoolMaxAge, tbConcurrency: concurrency } = yield* Settings
    // Equal credentials share one entry.
    const users = MutableHashMap.empty<TbCredentials | undefined, UserHealth>()
    const healthOf = (user: TbCredentials | undefined) =>
      Option.getOrElse(MutableHashMap.get(users, user), () => {
        const made = { failuresInARow: 0, storedWrites: 0 }
        MutableHashMap.set(users, user, made)
        return made
      })
    const parts = {
      spool,
      keys: yield* ApiKeys,
      sessions: yield* UserSessions,
      ingest: yield* Ingest,
      thingsBoard: yield* ThingsBoard,
      eventLoop: yield* EventLoop,
      healthOf,
      maxAge: Duration.toMillis(spoolMaxAge),
      writes: Semaphore.makeUnsafe(concurrency),
      concurrency
    }
    const deliveries = new Map<string, OwnerDelivery>()
    const deliveryOf = (owner: string) => {
      const found = deliveries.get(owner) ?? new OwnerDelivery(parts, owner)
      deliveries.set(owner, found)
      return found
    }
    const [logFailure, logFailedDelivery] = [makeLogFailure(), makeLogFailure()]
    const added = Latch.makeUnsafe()
    spool.onAdded = () => added.openUnsafe()
    const running = yield* FiberMap.make<string>()
    const startDeliveries = Effect.gen(function* () {
      added.closeUnsafe()
      for (const owner of yield* spool.owners)
        yield* FiberMap.run(running, owner, logFailedDelivery(deliveryOf(owner).run()), { onlyIfMissing: true })
    })
    const record = Effect.ignore(Effect.flatMap(spool.waiting, recordWaiting))
    yield* Effect.forkScoped(Effect.repeat(record, Schedule.spaced(pollInterval)))
    return yield* logFailure(startDeliveries).pipe(
      Effect.andThen(Effect.sleep(startPause)),
      Effect.andThen(Effect.race(added.await, Effect.sleep(pollInterval))),
      Effect.forever
    )
  })

/** Delivers until the scope closes. Does nothing without a spool. */
export const layer = Layer.effectDiscard(
  Effect.flatMap(UploadSpool, ({ spool }) => (spool === undefined ? Effect.void : Effect.forkScoped(Effect.scoped(deliver(spool)))))
)
