/** The spool of this gateway, if it has one: opened at the start, in SPOOL_DIR or in Redis. */
import { Context, Duration, Effect, Layer, Redacted, Runtime, Schedule, Schema } from "effect"
import { Settings } from "../../config/Settings.ts"
import { describeSpoolError } from "../../spool/errors.ts"
import type { Spool } from "../../spool/Spool.ts"
import type { SpoolLimits } from "../../spool/model.ts"
import { openSpool as openRedis } from "../../spool/redis/openSpool.ts"
import { openSpool as openFile } from "../../spool/sqlite/openSpool.ts"

/** The gateway does not start without the spool that it was told to use. */
export class SpoolUnusable extends Schema.TaggedError<SpoolUnusable>()("SpoolUnusable", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const forgetting = "1 minute"

/** Stored batches that are kept so that clients can ask for them, whatever SPOOL_KEEP is: about 150 MB on disk, and 100 MB of Redis's memory. */
const maxBatches = { onDisk: 1_000_000, inRedis: 250_000 }

/** Forgets batches some time after they have finished. */
const forgetFinished = (spool: Spool, keptMillis: number) =>
  Effect.gen(function* () {
    let dropped = 0
    let forgotten
    do {
      forgotten = yield* spool.forget(keptMillis, spool.isShared ? maxBatches.inRedis : maxBatches.onDisk)
      dropped += forgotten.points
    } while (forgotten.batches > 0)
    if (dropped > 0)
      yield* Effect.annotateLogs(Effect.logWarning("Dropped points that ThingsBoard had rejected, after SPOOL_KEEP"), { points: dropped })
  }).pipe(Effect.catch(({ _tag }) => Effect.annotateLogs(Effect.logError("The spool cannot be written"), { error: _tag })))

/** Opens the spool in a folder, or fails with a message for the operator. */
const openFolder = Effect.fnUntraced(function* (folder: string, limits: SpoolLimits) {
  const unusable = (why: string) => new SpoolUnusable({ message: `SPOOL_DIR ${folder} cannot be used: ${why}.` })
  const spool = yield* openFile(folder, limits).pipe(
    Effect.catchTags({
      SpoolInUse: () => new SpoolUnusable({ message: `SPOOL_DIR ${folder} is in use by another gateway; each needs a folder of its own.` }),
      PlatformError: ({ reason }) => unusable(reason._tag)
    })
  )
  const { points } = yield* Effect.mapError(spool.waiting, (error) => unusable(describeSpoolError(error)))
  if (points > 0) yield* Effect.annotateLogs(Effect.logInfo("Uploads from before the start wait to be stored"), { points })
  return spool
})

export class UploadSpool extends Context.Service<
  UploadSpool,
  {
    /** Undefined without SPOOL_DIR and SPOOL_REDIS_URL. */
    readonly spool: Spool | undefined
    /** Whether every upload is queued, and not only those that ask for it. */
    readonly isForAll: boolean
  }
>()("boardwalk/services/queued/UploadSpool") {
  static readonly layer = Layer.effect(
    UploadSpool,
    Effect.gen(function* () {
      const { spool: mode, spoolDir, spoolKeep, spoolMaxAge, spoolMaxBytes, spoolRedisUrl } = yield* Settings
      const limits = { bytes: spoolMaxBytes, age: Duration.toMillis(spoolMaxAge) }
      if (spoolDir === undefined && spoolRedisUrl === undefined) return { spool: undefined, isForAll: false }
      const spool =
        spoolRedisUrl === undefined ? yield* openFolder(spoolDir!, limits) : yield* openRedis(Redacted.value(spoolRedisUrl), limits)
      yield* Effect.forkScoped(Effect.repeat(forgetFinished(spool, Duration.toMillis(spoolKeep)), Schedule.spaced(forgetting)))
      return { spool, isForAll: mode === "always" }
    })
  )
}
