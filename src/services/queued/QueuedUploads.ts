/**
 * Uploads that are acknowledged as soon as they are on disk or in Redis, and stored in ThingsBoard later (`Delivery`). What can be checked without
 * ThingsBoard is checked before, so that a body with errors is rejected as a whole. Whether a device exists, and whether the key may see it,
 * is found out when its points are delivered: ThingsBoard may be away now.
 */
import { Context, Effect, Layer, type Stream } from "effect"
import type { InvalidInput } from "../../domain/Errors.ts"
import { isUuid } from "../../domain/Ids.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { timeOrderedUuid } from "../../platform/uuid.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { readDevice } from "../../spool/content.ts"
import { type SpoolError, SpoolFailed, SpoolFull } from "../../spool/errors.ts"
import type { BatchState, DevicePoints, SetAside } from "../../spool/model.ts"
import type { Spool, StagedBatch } from "../../spool/Spool.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { Import, type ImportOptions, type PointSink } from "../ingest/Import.ts"
import { ImportReport } from "../ingest/ImportReport.ts"
import type { BufferedPoints } from "../ingest/PointBuffer.ts"
import { readPoints, readPointsOfMany } from "../ingest/uploadBody.ts"
import type { ValueRules } from "../validation/values.ts"
import { UploadSpool } from "./UploadSpool.ts"

/** An upload that is on disk. */
export interface AcceptedUpload {
  readonly batchId: string
  readonly keys: ReadonlyArray<string>
  readonly points: number
  readonly warnings: ReadonlyArray<string>
}

/** An upload for many devices that is on disk. */
export interface AcceptedBulk {
  readonly batchId: string
  /** By the id or name in the body. */
  readonly devices: ReadonlyArray<{ readonly device: string; readonly keys: ReadonlyArray<string>; readonly points: number }>
  readonly points: number
  readonly warnings: ReadonlyArray<string>
}

/** An import that is on disk, but for the rows that were rejected. */
export interface AcceptedImport {
  readonly batchId: string
  readonly report: ImportReport
}

export interface Batch extends BatchState {
  /** Points that were set aside, by device and reason; at most the first thousand. */
  readonly setAside: ReadonlyArray<SetAside>
}

const maxListed = 1000

/** Points that an import writes to the disk at once: more would hold the event loop for too long. */
const pointsPerPart = 10_000

type Body = string | Uint8Array

/** The points of several devices in parts of about `pointsPerPart`, which become objects one after the other. */
function* partsOf(devices: ReadonlyArray<BufferedPoints>, report: ImportReport) {
  let part: Array<DevicePoints> = []
  let size = 0
  for (const buffered of devices) {
    const { deviceId, lines, points } = buffered.unpack()
    const device = readDevice(deviceId)
    for (let from = 0; from < points.length; from += pointsPerPart) {
      const some = points.length <= pointsPerPart ? points : points.slice(from, from + pointsPerPart)
      part.push({ device, points: some })
      size += some.length
      if (size < pointsPerPart) continue
      yield part
      part = []
      size = 0
    }
    report.accepted += lines.length
    report.addStored(deviceId, points.length, 0)
  }
  if (part.length > 0) yield part
}

export class QueuedUploads extends Context.Service<
  QueuedUploads,
  {
    /** Whether an upload is queued, given whether its client prefers that. */
    readonly isQueued: (isPreferred: boolean) => boolean
    /** Like `Ingest.upload`. `owner` is the id of the key. */
    readonly upload: (
      owner: string,
      deviceId: string,
      body: Body,
      rules: ValueRules
    ) => Effect.Effect<AcceptedUpload, InvalidInput | SpoolError>
    /** Like `Ingest.bulk`. */
    readonly bulk: (owner: string, body: Body, rules: ValueRules) => Effect.Effect<AcceptedBulk, InvalidInput | SpoolError>
    /** Like `Import.run`. If it fails, nothing of the file is accepted. */
    readonly import: <E>(
      owner: string,
      body: Stream.Stream<Uint8Array, E>,
      options: Omit<ImportOptions, "dryRun">
    ) => Effect.Effect<AcceptedImport, InvalidInput | ThingsBoardError | SpoolError>
    /** A batch of this owner; undefined if it has none with the id. */
    readonly batch: (owner: string, id: string) => Effect.Effect<Batch | undefined, SpoolError>
  }
>()("boardwalk/services/queued/QueuedUploads") {
  static readonly layer = Layer.effect(
    QueuedUploads,
    Effect.gen(function* () {
      const { isForAll, spool } = yield* UploadSpool
      const eventLoop = yield* EventLoop
      const imports = yield* Import

      /** Why the last upload was not taken, if so. */
      let refusedFor: string | undefined
      /** Logs once that the queue is full or cannot be used, and once that uploads are taken again. */
      const noteRefusal = (error: SpoolError | undefined) =>
        Effect.suspend(() => {
          const reason = error?._tag === "SpoolFull" ? error.limit : error?.code
          if (reason === refusedFor) return Effect.void
          refusedFor = reason
          if (error === undefined) return Effect.logInfo("The queue of uploads takes uploads again")
          return error._tag === "SpoolFull"
            ? Effect.annotateLogs(Effect.logError("The queue of uploads is full: uploads get 507"), { limit: error.limit })
            : Effect.annotateLogs(Effect.logError("The queue of uploads cannot be used: uploads get 503"), { reason: error.code })
        })

      /** Handlers ask `isQueued` first. */
      const withSpool = <A, E>(use: (spool: Spool) => Effect.Effect<A, E | SpoolError>): Effect.Effect<A, E | SpoolError> =>
        spool === undefined
          ? Effect.die("There is no spool")
          : use(spool).pipe(
              Effect.tap(() => noteRefusal(undefined)),
              Effect.tapError((error) => (error instanceof SpoolFull || error instanceof SpoolFailed ? noteRefusal(error) : Effect.void))
            )

      /** Returns the id of the batch, and how many points it has. */
      const add = (owner: string, devices: ReadonlyArray<DevicePoints>) =>
        withSpool((spool) =>
          Effect.gen(function* () {
            const batchId = timeOrderedUuid()
            yield* spool.add({ id: batchId, owner, devices })
            return { batchId, points: devices.reduce((sum, { points }) => sum + points.length, 0) }
          })
        )

      const upload = Effect.fnUntraced(function* (owner: string, deviceId: string, body: Body, rules: ValueRules) {
        const { keys, points, warnings } = yield* readPoints(eventLoop, body, rules)
        return { ...(yield* add(owner, [{ device: { id: deviceId }, points }])), keys, warnings }
      }, withServiceSpan("QueuedUploads.upload"))

      const bulk = Effect.fnUntraced(function* (owner: string, body: Body, rules: ValueRules) {
        const { byDevice, warnings } = yield* readPointsOfMany(eventLoop, body, rules)
        const read = [...byDevice]
        const added = yield* add(
          owner,
          read.map(([device, { points }]) => ({ device: isUuid(device) ? { id: device } : { name: device }, points }))
        )
        return { ...added, devices: read.map(([device, { keys, points }]) => ({ device, keys, points: points.length })), warnings }
      }, withServiceSpan("QueuedUploads.bulk"))

      const sinkOf =
        (staged: StagedBatch) =>
        (report: ImportReport): PointSink<SpoolError> => ({
          isMissing: () => false,
          write: Effect.fnUntraced(function* (devices) {
            for (const part of partsOf(devices, report)) {
              yield* staged.append(part)
              yield* eventLoop.nextTurn
            }
          })
        })

      const importFile = Effect.fnUntraced(function* <E>(
        owner: string,
        body: Stream.Stream<Uint8Array, E>,
        options: Omit<ImportOptions, "dryRun">
      ): Effect.fn.Return<AcceptedImport, InvalidInput | ThingsBoardError | SpoolError> {
        return yield* withSpool((spool) =>
          Effect.scoped(
            Effect.gen(function* () {
              const batchId = timeOrderedUuid()
              const staged = yield* spool.stage({ id: batchId, owner })
              const report = yield* imports.readInto(body, options, sinkOf(staged))
              yield* staged.accept
              return { batchId, report }
            })
          )
        )
      }, withServiceSpan("QueuedUploads.import"))

      const batch = Effect.fnUntraced(function* (owner: string, id: string): Effect.fn.Return<Batch | undefined, SpoolError> {
        const found = yield* spool?.batch(id) ?? Effect.undefined
        return found?.owner === owner ? { ...found, setAside: yield* spool!.rejected(id, maxListed) } : undefined
      })

      return { isQueued: (isPreferred) => spool !== undefined && (isForAll || isPreferred), upload, bulk, import: importFile, batch }
    })
  )
}
