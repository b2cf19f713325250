/** The fields of responses to uploads. Messages and names are those of the FastAPI proxy where it had them. */
import { plural } from "../../domain/plural.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import { futureWarning } from "../../services/ingest/futureTimes.ts"
import type { ImportReport } from "../../services/ingest/ImportReport.ts"
import type { BulkUploadResult, DeviceUploadResult, UploadResult } from "../../services/ingest/Ingest.ts"
import type { AcceptedBulk, Batch } from "../../services/queued/QueuedUploads.ts"
import type { BatchState } from "../../spool/model.ts"
import { uploadWarnings } from "../../services/validation/values.ts"
import { describeUploadFailure } from "./toProblem.ts"

/** Nothing when there are no warnings. */
export const warningsField = (warnings: ReadonlyArray<string>) => (warnings.length > 0 ? { warnings } : {})

export const uploadFields = (deviceId: DeviceId, { keys, points, warnings }: UploadResult) => ({
  device_id: deviceId,
  keys_uploaded: keys,
  total_data_points: points,
  message: `Successfully uploaded ${points} data points for ${keys.length} telemetry keys`,
  ...warningsField(warnings)
})

const deviceFields = ({ device, deviceId, failure, keys, points }: DeviceUploadResult) => ({
  ...(failure === undefined
    ? { status: "success", keys_uploaded: keys, data_points: points }
    : { status: "failed", ...describeUploadFailure(failure, deviceId ?? device) }),
  ...(deviceId === undefined || deviceId === device ? {} : { device_id: deviceId })
})

export const bulkUploadFields = ({ outcomes, warnings }: BulkUploadResult) => {
  const successful = outcomes.filter(({ failure }) => failure === undefined)
  return {
    summary: {
      total_devices: outcomes.length,
      successful_devices: successful.length,
      failed_devices: outcomes.length - successful.length,
      total_data_points: successful.reduce((sum, { points }) => sum + points, 0)
    },
    results: Object.fromEntries(outcomes.map((outcome) => [outcome.device, deviceFields(outcome)])),
    message: `Bulk upload completed: ${successful.length}/${outcomes.length} devices successful`,
    ...warningsField(warnings)
  }
}

const acceptedMessage = (points: number) =>
  `Accepted ${plural(points, "data point; it is", "data points; they are")} stored in ThingsBoard as soon as possible`

export const acceptedUploadFields = (deviceId: DeviceId, { keys, points, warnings }: UploadResult) => ({
  device_id: deviceId,
  keys_uploaded: keys,
  total_data_points: points,
  message: acceptedMessage(points),
  ...warningsField(warnings)
})

export const acceptedBulkFields = ({ devices, points, warnings }: AcceptedBulk) => ({
  summary: {
    total_devices: devices.length,
    successful_devices: 0,
    failed_devices: 0,
    accepted_devices: devices.length,
    total_data_points: points
  },
  results: Object.fromEntries(
    devices.map(({ device, keys, points }) => [device, { status: "accepted", keys_uploaded: keys, data_points: points }])
  ),
  message: acceptedMessage(points),
  ...warningsField(warnings)
})

const importMessage = ({ accepted, notSent, rejectedCount, resumeLine, unknown }: ImportReport, dryRun: boolean) => {
  const rows = plural(accepted, "row", "rows")
  if (dryRun) return `Would accept ${rows}, reject ${rejectedCount}`
  const decided = `Accepted ${rows}, rejected ${rejectedCount}`
  return resumeLine === undefined
    ? decided
    : `${decided}; ThingsBoard failed: ${unknown} may be stored, ${notSent} were not sent. Send the file again with from_line=${resumeLine}, or without it: nothing is stored twice`
}

const rowCounts = (report: ImportReport, dryRun: boolean) => ({
  dry_run: dryRun,
  rows_taken: report.accepted,
  rows_refused: report.rejectedCount,
  rows_unknown: report.unknown,
  rows_not_sent: report.notSent,
  ...(report.resumeLine === undefined ? {} : { resume_line: report.resumeLine }),
  refused: report.rejected
})

const importWarnings = ({ future, replaced, rounded }: ImportReport) =>
  warningsField([...uploadWarnings(rounded, replaced), ...futureWarning(future, "row")])

export const acceptedImportFields = (report: ImportReport) => ({
  ...rowCounts(report, false),
  points_stored: {},
  message: acceptedMessage([...report.pointsStored.values()].reduce((sum, points) => sum + points, 0)),
  ...importWarnings(report)
})

const progressOf = ({ finishedAt, points, rejected, stored }: BatchState) => {
  if (finishedAt === undefined) return "waiting"
  if (rejected === 0) return "stored"
  return stored === 0 && points > 0 ? "rejected" : "partial"
}

export const batchFields = (batch: Batch) => ({
  batch_id: batch.id,
  state: progressOf(batch),
  accepted_at: batch.acceptedAt,
  ...(batch.finishedAt === undefined ? {} : { finished_at: batch.finishedAt }),
  total_data_points: batch.points,
  points_stored: batch.stored,
  points_rejected: batch.rejected,
  points_waiting: batch.points - batch.stored - batch.rejected,
  rejected: batch.setAside.map(({ device, points, reason }) => ({ device: "id" in device ? device.id : device.name, points, reason }))
})

export const importFields = (report: ImportReport, dryRun: boolean) => ({
  status: report.status,
  ...rowCounts(report, dryRun),
  points_stored: Object.fromEntries(report.pointsStored),
  message: importMessage(report, dryRun),
  ...importWarnings(report)
})
