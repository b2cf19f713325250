/**
 * Stores in ThingsBoard what waits in the spool. Each key has a fiber of its own while points of it wait: when its ThingsBoard user cannot
 * log in, other keys are not held up.
 */
import { Cause, Clock, Effect, FiberMap, Latch, Layer, Semaphore } from "effect"
import { ApiKeys } from "../../apikeys/ApiKeys.ts"
import { Settings } from "../../config/Settings.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import type { Spool } from "../../spool/Spool.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { UserSessions } from "../../thingsboard/UserSessions.ts"
import { Ingest } from "../ingest/Ingest.ts"
import { recordWaiting } from "./metrics.ts"
import { OwnerDelivery } from "./OwnerDelivery.ts"
import { UploadSpool } from "./UploadSpool.ts"

/** Ms. Other processes may put points into the queue, with `boardwalk spool retry`. */
const pollInterval = 1000

/** Nothing is lost when the spool cannot be read or written: what was delivered meanwhile is delivered again. */
const logFailure = <A, E, R>(delivery: Effect.Effect<A, E, R>) =>
  Effect.catchCause(delivery, (cause) =>
    Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : Effect.logError("Queued uploads could not be delivered; trying again", cause)
  )

const deliver = (spool: Spool) =>
  Effect.gen(function* () {
    const { tbConcurrency: concurrency } = yield* Settings
    const parts = {
      spool,
      keys: yield* ApiKeys,
      sessions: yield* UserSessions,
      ingest: yield* Ingest,
      thingsBoard: yield* ThingsBoard,
      eventLoop: yield* EventLoop,
      writes: Semaphore.makeUnsafe(concurrency),
      concurrency
    }
    const deliveries = new Map<string, OwnerDelivery>()
    const deliveryOf = (owner: string) => {
      const found = deliveries.get(owner) ?? new OwnerDelivery(parts, owner)
      deliveries.set(owner, found)
      return found
    }
    const added = Latch.makeUnsafe()
    spool.onAdded = () => added.openUnsafe()
    const running = yield* FiberMap.make<string>()
    const startDeliveries = Effect.gen(function* () {
      added.closeUnsafe()
      for (const owner of spool.owners()) yield* FiberMap.run(running, owner, logFailure(deliveryOf(owner).run()), { onlyIfMissing: true })
      yield* recordWaiting(spool.waiting(), yield* Clock.currentTimeMillis)
    })
    return yield* logFailure(startDeliveries).pipe(
      Effect.andThen(Effect.race(added.await, Effect.sleep(pollInterval))),
      // Others have their turn, even if uploads are added all the time.
      Effect.andThen(Effect.yieldNow),
      Effect.forever
    )
  })

/** Delivers until the scope closes. Does nothing without a spool. */
export const layer = Layer.effectDiscard(
  Effect.flatMap(UploadSpool, ({ spool }) => (spool === undefined ? Effect.void : Effect.forkScoped(Effect.scoped(deliver(spool)))))
)
