/** One log entry per write: who wrote how much to which device, and with what outcome. Never keys of telemetry or values. */
import { Cause, Effect, Exit } from "effect"
import type { AttributesWritten } from "../../services/attributes/Attributes.ts"
import type { BulkUploadResult, UploadResult } from "../../services/ingest/Ingest.ts"
import type { ImportReport } from "../../services/ingest/ImportReport.ts"
import type { AcceptedBulk, AcceptedImport, AcceptedUpload } from "../../services/queued/QueuedUploads.ts"
import { clientFields } from "./securityLog.ts"

/** Devices that are listed by their ids; of more, only the number is logged. */
const maxListed = 20

const devicesOf = (ids: ReadonlyArray<string>) => ({ devices: ids.length, ...(ids.length <= maxListed ? { device_ids: ids } : {}) })

const bytesOf = (body: string | Uint8Array) => (typeof body === "string" ? Buffer.byteLength(body) : body.length)

/** `failed`: some of it may be stored. Undefined if the input was rejected, so that nothing is stored. */
const outcomeOf = (exit: Exit.Exit<unknown, unknown>): "stored" | "failed" | "interrupted" | undefined => {
  if (Exit.isSuccess(exit)) return "stored"
  if (Cause.hasInterrupts(exit.cause)) return "interrupted"
  const error = Cause.squash(exit.cause)
  const tag = typeof error === "object" && error !== null && "_tag" in error ? error._tag : undefined
  return ["InvalidInput", "InvalidRequest", "EntityNotFound", "SpoolFull"].includes(String(tag)) ? undefined : "failed"
}

interface Write {
  readonly operation: "upload" | "bulk" | "attributes"
  readonly body: string | Uint8Array
  readonly device_id?: string
  readonly scope?: string
}

const logWrite = (fields: Record<string, unknown>) =>
  Effect.withFiber((fiber) => Effect.annotateLogs(Effect.logInfo("Audit event: write"), { ...clientFields(fiber), ...fields }))

const bulkFields = ({ outcomes }: BulkUploadResult) => {
  const stored = outcomes.filter(({ failure }) => failure === undefined)
  return {
    ...devicesOf(outcomes.flatMap(({ deviceId }) => (deviceId === undefined ? [] : [deviceId]))),
    devices: outcomes.length,
    points: stored.reduce((sum, { points }) => sum + points, 0),
    ...(stored.length === outcomes.length
      ? {}
      : { outcome: stored.length === 0 ? "failed" : "partial", failed_devices: outcomes.length - stored.length })
  }
}

const importOutcome = (exit: Exit.Exit<unknown, unknown>, { status }: ImportReport) => {
  if (Exit.isFailure(exit)) return Cause.hasInterrupts(exit.cause) ? "interrupted" : "failed"
  return status === "success" ? "stored" : status
}

export const makeAuditLog = (isEnabled: boolean) => {
  /** Logs a write when it ends, however it ends. `describe` gives the fields of its result, which win over the others. */
  const audited =
    <A>({ body, ...target }: Write, describe: (result: A) => Record<string, unknown>) =>
    <E, R>(write: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      isEnabled
        ? Effect.onExit(write, (exit) => {
            const outcome = outcomeOf(exit)
            if (outcome === undefined) return Effect.void
            return logWrite({ ...target, outcome, bytes: bytesOf(body), ...(Exit.isSuccess(exit) ? describe(exit.value) : {}) })
          })
        : write

  return {
    upload: (device_id: string, body: string | Uint8Array) =>
      audited<UploadResult>({ operation: "upload", device_id, body }, ({ points }) => ({ points })),

    bulk: (body: string | Uint8Array) => audited({ operation: "bulk", body }, bulkFields),

    /** Logs an upload that is on disk and stored later. */
    queued: <A extends AcceptedUpload | AcceptedBulk, E, R>(
      target: Omit<Write, "scope">,
      accept: Effect.Effect<A, E, R>
    ): Effect.Effect<A, E, R> =>
      audited<A>(target, (result) => ({
        outcome: "queued",
        batch_id: result.batchId,
        points: result.points,
        ...("devices" in result ? { devices: result.devices.length } : {})
      }))(accept),

    attributes: (device_id: string, scope: string, body: string | Uint8Array) =>
      audited<AttributesWritten>({ operation: "attributes", device_id, scope, body }, ({ keys }) => ({
        attributes: keys.length
      })),

    /** Logs an import with its totals, also if it ended early. `report` is filled while it runs. */
    import:
      (device_id: string | undefined, report: ImportReport) =>
      <A, E, R>(run: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
        isEnabled
          ? Effect.onExit(run, (exit) => {
              if (report.bytes === 0) return Effect.void // nothing was read, for example since there is no such device
              const points = [...report.pointsStored.values()].reduce((sum, stored) => sum + stored, 0)
              return logWrite({
                operation: "import",
                outcome: importOutcome(exit, report),
                bytes: report.bytes,
                points,
                rows_accepted: report.accepted,
                rows_rejected: report.rejectedCount,
                ...(report.unknown === 0 ? {} : { rows_unknown: report.unknown }),
                ...(report.notSent === 0 ? {} : { rows_not_sent: report.notSent }),
                ...(device_id === undefined ? devicesOf([...report.pointsStored.keys()]) : { device_id })
              })
            })
          : run,

    /** The same for an import that is on disk and stored later. */
    queuedImport:
      (device_id: string | undefined, report: ImportReport) =>
      <E, R>(run: Effect.Effect<AcceptedImport, E, R>): Effect.Effect<AcceptedImport, E, R> =>
        isEnabled
          ? Effect.tap(run, ({ batchId }) =>
              logWrite({
                operation: "import",
                outcome: "queued",
                batch_id: batchId,
                bytes: report.bytes,
                points: [...report.pointsStored.values()].reduce((sum, points) => sum + points, 0),
                rows_accepted: report.accepted,
                rows_rejected: report.rejectedCount,
                ...(device_id === undefined ? { devices: report.pointsStored.size } : { device_id })
              })
            )
          : run
  }
}

export type AuditLog = ReturnType<typeof makeAuditLog>
