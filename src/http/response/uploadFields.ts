/** The fields of responses to uploads. Messages and names are those of the FastAPI proxy where it had them. */
import type { DeviceId } from "../../domain/Ids.ts"
import { futureWarning } from "../../services/ingest/futureTimes.ts"
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

const importMessage = ({ accepted, notSent, rejectedCount, resumeLine, unknown }: ImportReport, dryRun: boolean) => {
  const rows = `${accepted} ${accepted === 1 ? "row" : "rows"}`
  if (dryRun) return `Would accept ${rows}, reject ${rejectedCount}`
  const decided = `Accepted ${rows}, rejected ${rejectedCount}`
  return resumeLine === undefined
    ? decided
    : `${decided}; ThingsBoard failed: ${unknown} may be stored, ${notSent} were not sent. Send the file again with from_line=${resumeLine}, or without it: nothing is stored twice`
}

export const importFields = (report: ImportReport, dryRun: boolean) => ({
  status: report.status,
  dry_run: dryRun,
  rows_taken: report.accepted,
  rows_refused: report.rejectedCount,
  rows_unknown: report.unknown,
  rows_not_sent: report.notSent,
  ...(report.resumeLine === undefined ? {} : { resume_line: report.resumeLine }),
  refused: report.rejected,
  points_stored: Object.fromEntries(report.pointsStored),
  message: importMessage(report, dryRun),
  ...warningsField([...uploadWarnings(report.rounded, report.replaced), ...futureWarning(report.future, "row")])
})
