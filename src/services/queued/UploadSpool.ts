/** The spool of this gateway, if it has one: opened at the start, in SPOOL_DIR. */
import { Clock, Context, Duration, Effect, Layer, Runtime, Schedule, Schema } from "effect"
import { Settings } from "../../config/Settings.ts"
import { openSpool, type Spool } from "../../spool/Spool.ts"

/** The gateway does not start without the spool that it was told to use. */
export class SpoolUnusable extends Schema.TaggedError<SpoolUnusable>()("SpoolUnusable", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const forgetting = "1 minute"

/** Forgets batches some time after they have finished. */
const forgetFinished = (spool: Spool, keptMillis: number) =>
  Effect.gen(function* () {
    const dropped = yield* spool.forget((yield* Clock.currentTimeMillis) - keptMillis)
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
      yield* Effect.forkScoped(Effect.repeat(forgetFinished(spool, Duration.toMillis(spoolKeep)), Schedule.spaced(forgetting)))
      return { spool, isForAll: mode === "always" }
    })
  )
}
