/** What the two upload endpoints make of JSON bodies. */
import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import type { DeviceId } from "../../domain/Ids.ts"
import type { BulkUploaded, DeviceOutcome, Ingest } from "../../services/Ingest.ts"
import { created, plain } from "../answers.ts"
import { readText } from "../body.ts"
import { asDeviceProblem, asInputProblem, sentenceOf } from "../toProblem.ts"

interface Options {
  readonly numeric_text?: "refuse" | "convert"
}

const rulesOf = ({ numeric_text }: Options) => ({ convertNumericText: numeric_text === "convert" })

const warned = (warnings: ReadonlyArray<string>) => (warnings.length > 0 ? { warnings } : {})

export const uploadJson = (
  ingest: Ingest["Service"],
  deviceId: DeviceId,
  options: Options,
  request: HttpServerRequest.HttpServerRequest,
  most: number
) =>
  readText(request, most).pipe(
    Effect.flatMap((body) => ingest.upload(deviceId, body, rulesOf(options))),
    Effect.flatMap(({ keys, points, warnings }) =>
      created({
        device_id: deviceId,
        keys_uploaded: keys,
        total_data_points: points,
        message: `Successfully uploaded ${points} data points for ${keys.length} telemetry keys`,
        ...warned(warnings)
      })
    ),
    Effect.catchTags({ EntityNotFound: asDeviceProblem, ThingsBoardError: asDeviceProblem, InvalidInput: asInputProblem })
  )

const outcome = ({ deviceId, failure, keys, points }: DeviceOutcome) =>
  failure === undefined
    ? { status: "success", keys_uploaded: keys, data_points: points }
    : { status: "error", ...sentenceOf(failure, deviceId) }

const summary = ({ outcomes, warnings }: BulkUploaded) => {
  const successful = outcomes.filter(({ failure }) => failure === undefined)
  return {
    summary: {
      total_devices: outcomes.length,
      successful_devices: successful.length,
      failed_devices: outcomes.length - successful.length,
      total_data_points: successful.reduce((sum, { points }) => sum + points, 0)
    },
    results: Object.fromEntries(outcomes.map((one) => [one.deviceId, outcome(one)])),
    message: `Bulk upload completed: ${successful.length}/${outcomes.length} devices successful`,
    ...warned(warnings)
  }
}

export const bulkJson = (ingest: Ingest["Service"], options: Options, request: HttpServerRequest.HttpServerRequest, most: number) =>
  readText(request, most).pipe(
    Effect.flatMap((body) => ingest.bulk(body, rulesOf(options))),
    Effect.flatMap((uploaded) => plain(200, summary(uploaded))),
    Effect.catchTag("InvalidInput", asInputProblem)
  )
