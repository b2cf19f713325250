/** The fields of responses to uploads. Messages and names are those of the FastAPI proxy where it had them. */
import type { DeviceId } from "../../domain/Ids.ts"
import type { ImportReport } from "../../services/ingest/ImportReport.ts"
import type { BulkUploadResult, DeviceUploadResult, UploadResult } from "../../services/ingest/Ingest.ts"
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

const deviceFields = ({ deviceId, failure, keys, points }: DeviceUploadResult) =>
  failure === undefined
    ? { status: "success", keys_uploaded: keys, data_points: points }
    : { status: "failed", ...describeUploadFailure(failure, deviceId) }

export const bulkUploadFields = ({ outcomes, warnings }: BulkUploadResult) => {
  const successful = outcomes.filter(({ failure }) => failure === undefined)
  return {
    summary: {
      total_devices: outcomes.length,
      successful_devices: successful.length,
      failed_devices: outcomes.length - successful.length,
      total_data_points: successful.reduce((sum, { points }) => sum + points, 0)
    },
    results: Object.fromEntries(outcomes.map((outcome) => [outcome.deviceId, deviceFields(outcome)])),
    message: `Bulk upload completed: ${successful.length}/${outcomes.length} devices successful`,
    ...warningsField(warnings)
  }
}

const importMessage = ({ accepted, rejectedCount }: ImportReport, dryRun: boolean) => {
  const rows = `${accepted} ${accepted === 1 ? "row" : "rows"}`
  return dryRun ? `Would accept ${rows}, reject ${rejectedCount}` : `Accepted ${rows}, rejected ${rejectedCount}`
}

export const importFields = (report: ImportReport, dryRun: boolean) => ({
  dry_run: dryRun,
  rows_taken: report.accepted,
  rows_refused: report.rejectedCount,
  refused: report.rejected,
  points_stored: Object.fromEntries(report.pointsStored),
  message: importMessage(report, dryRun),
  ...warningsField(uploadWarnings(report.rounded, report.replaced))
})
