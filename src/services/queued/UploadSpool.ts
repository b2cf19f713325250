/** The spool of this gateway, if it has one: opened at the start, in SPOOL_DIR. */
import { Clock, Context, Duration, Effect, Layer, Runtime, Schedule, Schema } from "effect"
import { Settings } from "../../config/Settings.ts"
import { openSpool, type Spool } from "../../spool/Spool.ts"

/** The gateway does not start without the spool that it was told to use. */
export class SpoolUnusable extends Schema.TaggedError<SpoolUnusable>()("SpoolUnusable", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const forgetting = "1 minute"

/** Stored batches that are kept so that clients can ask for them, whatever SPOOL_KEEP is: about 150 MB. */
const maxBatches = 1_000_000

/** Forgets batches some time after they have finished. */
const forgetFinished = (spool: Spool, keptMillis: number) =>
  Effect.gen(function* () {
    const time = (yield* Clock.currentTimeMillis) - keptMillis
    let dropped = 0
    let forgotten
    do {
      forgotten = yield* spool.forget(time, maxBatches)
      dropped += forgotten.points
    } while (forgotten.batches > 0)
    if (dropped > 0)
      yield* Effect.annotateLogs(Effect.logWarning("Dropped points that ThingsBoard had rejected, after SPOOL_KEEP"), { points: dropped })
  }).pipe(Effect.catch(({ _tag }) => Effect.annotateLogs(Effect.logError("The spool cannot be written"), { error: _tag })))

export class UploadSpool extends Context.Service<
  UploadSpool,
  {
    /** Undefined without SPOOL_DIR. */
    readonly spool: Spool | undefined
    /** Whether every upload is queued, and not only those that ask for it. */
    readonly isForAll: boolean
  }
>()("boardwalk/services/queued/UploadSpool") {
  static readonly layer = Layer.effect(
    UploadSpool,
    Effect.gen(function* () {
      const { spool: mode, spoolDir, spoolKeep, spoolMaxAge, spoolMaxBytes } = yield* Settings
      if (spoolDir === undefined) return { spool: undefined, isForAll: false }
      const limits = { bytes: spoolMaxBytes, age: Duration.toMillis(spoolMaxAge) }
      const spool = yield* openSpool(spoolDir, limits).pipe(
        Effect.catchTags({
          SpoolInUse: () =>
            new SpoolUnusable({ message: `SPOOL_DIR ${spoolDir} is in use by another gateway; each needs a folder of its own.` }),
          PlatformError: ({ reason }) => new SpoolUnusable({ message: `SPOOL_DIR ${spoolDir} cannot be used: ${reason._tag}.` })
        })
      )
      const { points } = spool.waiting()
      if (points > 0) yield* Effect.annotateLogs(Effect.logInfo("Uploads from before the start wait to be stored"), { points })
      yield* Effect.forkScoped(Effect.repeat(forgetFinished(spool, Duration.toMillis(spoolKeep)), Schedule.spaced(forgetting)))
      return { spool, isForAll: mode === "always" }
    })
  )
}
