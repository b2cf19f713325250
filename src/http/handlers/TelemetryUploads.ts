/** What the two upload endpoints make of JSON bodies. */
import { Effect } from "effect"
import { type HttpServerRequest, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import type { DeviceNotFound, InvalidRequest, PayloadTooLarge, RequestTimeout } from "../../api/Problems.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { Import } from "../../services/ingest/Import.ts"
import type { BulkUploadResult, DeviceUploadResult, Ingest } from "../../services/ingest/Ingest.ts"
import { type InputLimits, type ValueRules, uploadWarnings } from "../../services/validation/values.ts"
import { created, plain } from "../response/envelope.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { type BodyLimits, readText, streamBody } from "../request/RequestBody.ts"
import { logThingsBoardFailure } from "../logging/securityLog.ts"
import { asDeviceProblem, asInputProblem, asUpstreamProblem, sentenceOf, type Upstream } from "../response/toProblem.ts"

interface Options {
  readonly numeric_text?: "refuse" | "convert"
  readonly ts_unit?: "ms" | "s"
  readonly dry_run?: boolean
}

const rulesOf = ({ numeric_text, ts_unit }: Options, limits: InputLimits): ValueRules => ({
  convertNumericText: numeric_text === "convert",
  tsUnit: ts_unit ?? "ms",
  limits
})

interface Bounds {
  /** For rows, which have no end, of the time between two pieces. */
  readonly body: BodyLimits
  readonly input: InputLimits
}

const warned = (warnings: ReadonlyArray<string>) => (warnings.length > 0 ? { warnings } : {})

const uploadJson = (
  ingest: Ingest["Service"],
  deviceId: DeviceId,
  options: Options,
  request: HttpServerRequest.HttpServerRequest,
  most: Bounds
) =>
  readText(request, most.body).pipe(
    Effect.flatMap((body) => ingest.upload(deviceId, body, rulesOf(options, most.input))),
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

const outcome = ({ deviceId, failure, keys, points }: DeviceUploadResult) =>
  failure === undefined
    ? { status: "success", keys_uploaded: keys, data_points: points }
    : { status: "error", ...sentenceOf(failure, deviceId) }

const summary = ({ outcomes, warnings }: BulkUploadResult) => {
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

/** The answer tells of each device; the log of each kind of failure, however many devices have it. */
const failuresTold = (outcomes: ReadonlyArray<DeviceUploadResult>) => {
  const kinds = new Map<string, { readonly failure: ThingsBoardError; devices: number }>()
  for (const { failure } of outcomes) {
    if (failure?._tag !== "ThingsBoardError") continue
    const kind = kinds.get(failure.message)
    if (kind === undefined) kinds.set(failure.message, { failure, devices: 1 })
    else kind.devices++
  }
  return Effect.forEach(kinds.values(), ({ devices, failure }) => logThingsBoardFailure(failure, { devices }), { discard: true })
}

const bulkJson = (ingest: Ingest["Service"], options: Options, request: HttpServerRequest.HttpServerRequest, most: Bounds) =>
  readText(request, most.body).pipe(
    Effect.flatMap((body) => ingest.bulk(body, rulesOf(options, most.input))),
    Effect.tap(({ outcomes }) => failuresTold(outcomes)),
    Effect.flatMap((uploaded) => plain(200, summary(uploaded))),
    Effect.catchTag("InvalidInput", asInputProblem)
  )

const said = (taken: number, refused: number, dryRun: boolean) =>
  `${dryRun ? "Would take" : "Took"} ${taken} ${taken === 1 ? "row" : "rows"}, refused ${refused}`

const imported = (
  imports: Import["Service"],
  format: "csv" | "ndjson",
  deviceId: DeviceId | undefined,
  options: Options,
  request: HttpServerRequest.HttpServerRequest,
  most: Bounds
) => {
  const dryRun = options.dry_run === true
  const rules = rulesOf(options, most.input)
  return streamBody(request, most.body, (rows) => imports.run(rows, { format, deviceId, dryRun, rules })).pipe(
    Effect.flatMap((report) =>
      plain(200, {
        dry_run: dryRun,
        rows_taken: report.accepted,
        rows_refused: report.rejectedCount,
        refused: report.rejected,
        points_stored: Object.fromEntries(report.pointsStored),
        message: said(report.accepted, report.rejectedCount, dryRun),
        ...warned(uploadWarnings(report.rounded, report.replaced))
      })
    ),
    Effect.catchTag("Unauthenticated", HttpServerRespondable.toResponse)
  )
}

type Answer<Problem> = Effect.Effect<HttpServerResponse.HttpServerResponse, Problem>

type Body = "json" | "csv" | "ndjson"

interface Services {
  readonly ingest: Ingest["Service"]
  readonly imports: Import["Service"]
  readonly most: Bounds
}

/** Points of the device in the path. */
export const upload = (
  { imports, ingest, most }: Services,
  kind: Body,
  deviceId: DeviceId,
  options: Options,
  request: HttpServerRequest.HttpServerRequest
): Answer<DeviceNotFound | InvalidRequest | PayloadTooLarge | RequestTimeout | Upstream> =>
  kind === "json"
    ? uploadJson(ingest, deviceId, options, request, most)
    : imported(imports, kind, deviceId, options, request, most).pipe(
        Effect.catchTags({ EntityNotFound: asDeviceProblem, ThingsBoardError: asDeviceProblem, InvalidInput: asInputProblem })
      )

/** Points of devices that the body names. */
export const uploadOfMany = (
  { imports, ingest, most }: Services,
  kind: Body,
  options: Options,
  request: HttpServerRequest.HttpServerRequest
): Answer<InvalidRequest | PayloadTooLarge | RequestTimeout | Upstream> =>
  kind === "json"
    ? bulkJson(ingest, options, request, most)
    : imported(imports, kind, undefined, options, request, most).pipe(
        Effect.catchTags({ ThingsBoardError: asUpstreamProblem, InvalidInput: asInputProblem }),
        Effect.catchTag("EntityNotFound", Effect.die) // only a device in the path is looked up, and there is none
      )
