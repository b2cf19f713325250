/** The endpoints that store telemetry: uploads take JSON, which is read as a whole; imports take a CSV or NDJSON file, as a stream. */
import { Effect } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import type {
  DeviceNotFound,
  InvalidRequest,
  PayloadTooLarge,
  RequestTimeout,
  SpoolFull,
  SpoolUnavailable,
  UnsupportedMediaType
} from "../../api/Problems.ts"
import type { SettingsShape } from "../../config/Settings.ts"
import type { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { EventLoop } from "../../platform/EventLoop.ts"
import type { DeviceAccess } from "../../services/access/DeviceAccess.ts"
import type { Import } from "../../services/ingest/Import.ts"
import type { DeviceUploadResult, Ingest } from "../../services/ingest/Ingest.ts"
import type { CurrentCaller } from "../../api/middleware/Authentication.ts"
import type { QueuedUploads } from "../../services/queued/QueuedUploads.ts"
import { makeQueuedUploads } from "./QueuedUploads.ts"
import type { ValueRules } from "../../services/validation/values.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { type FileQuery, parseFileQuery } from "../../services/ingest/fileQuery.ts"
import { ImportReport } from "../../services/ingest/ImportReport.ts"
import { leaveRepeatable } from "../request/idempotencyKey.ts"
import { makeAuditLog } from "../logging/auditLog.ts"
import { logThingsBoardFailure } from "../logging/securityLog.ts"
import { type AuthorizationEnded, respondIfEnded, whileAuthorized } from "../request/authorizationEnd.ts"
import { charsetOf, requireBodyKind, requireFileKind } from "../request/bodyKind.ts"
import { bodyLimitsOf, inputLimitsOf, mayBeLarge, readText, streamBody } from "../request/RequestBody.ts"
import { created, plain } from "../response/envelope.ts"
import { asDeviceProblem, asInputProblem, asUpstreamProblem, type Upstream } from "../response/toProblem.ts"
import { bulkUploadFields, importFields, uploadFields } from "../response/uploadFields.ts"

interface UploadQuery {
  readonly numeric_text?: "refuse" | "convert"
}

interface ImportQuery extends UploadQuery, FileQuery {
  readonly format?: "csv" | "jsonl"
  readonly dry_run?: boolean
}

type Request = HttpServerRequest.HttpServerRequest
type Response<Problem> = Effect.Effect<HttpServerResponse.HttpServerResponse, Problem, CurrentCaller>
type UploadProblem = InvalidRequest | PayloadTooLarge | RequestTimeout | SpoolFull | SpoolUnavailable | UnsupportedMediaType | Upstream

const deviceProblems = { EntityNotFound: asDeviceProblem, ThingsBoardError: asDeviceProblem, InvalidInput: asInputProblem }

/** Logs each kind of failure once, however many devices have it; the response lists the devices. */
const logUploadFailures = (outcomes: ReadonlyArray<DeviceUploadResult>) => {
  const kinds = new Map<string, { readonly failure: ThingsBoardError; devices: number }>()
  for (const { failure } of outcomes) {
    if (failure?._tag !== "ThingsBoardError") continue
    const kind = kinds.get(failure.message)
    if (kind === undefined) kinds.set(failure.message, { failure, devices: 1 })
    else kind.devices++
  }
  return Effect.forEach(kinds.values(), ({ devices, failure }) => logThingsBoardFailure(failure, { devices }), { discard: true })
}

export const makeTelemetryUploads = (
  settings: SettingsShape,
  eventLoop: EventLoop["Service"],
  access: DeviceAccess["Service"],
  ingest: Ingest["Service"],
  imports: Import["Service"],
  queuedUploads: QueuedUploads["Service"]
) => {
  const bodyLimits = bodyLimitsOf(settings, eventLoop)
  const inputLimits = inputLimitsOf(settings)
  const audit = makeAuditLog(settings.auditLog)

  const queued = makeQueuedUploads(queuedUploads, bodyLimits, audit)

  const rulesOf = ({ numeric_text }: UploadQuery): ValueRules => ({ convertNumericText: numeric_text === "convert", limits: inputLimits })

  /** Storing shows whether the device exists, so only a large body is worth a call of its own before it is read. */
  const uploadJson = (deviceId: DeviceId, query: UploadQuery, request: Request) =>
    Effect.andThen(mayBeLarge(request, bodyLimits) ? access.requireVisible(deviceId) : Effect.void, readText(request, bodyLimits)).pipe(
      Effect.flatMap((body) => audit.upload(deviceId, body)(ingest.upload(deviceId, body, rulesOf(query)))),
      Effect.flatMap((result) => created(uploadFields(deviceId, result)))
    )

  const uploadJsonOfMany = (query: UploadQuery, request: Request) =>
    readText(request, bodyLimits).pipe(
      Effect.flatMap((body) => audit.bulk(body)(ingest.bulk(body, rulesOf(query)))),
      Effect.tap(({ outcomes }) => logUploadFailures(outcomes)),
      Effect.tap(({ outcomes }) => (outcomes.some(({ failure }) => failure?._tag === "ThingsBoardError") ? leaveRepeatable : Effect.void)),
      Effect.flatMap((result) => plain(200, bulkUploadFields(result))),
      Effect.catchTags({ ThingsBoardError: asUpstreamProblem, InvalidInput: asInputProblem })
    )

  const importRows = (deviceId: DeviceId | undefined, query: ImportQuery, request: Request) =>
    Effect.gen(function* () {
      const format = yield* requireFileKind(request, query.format)
      const file = yield* parseFileQuery(query, format, charsetOf(request))
      const dryRun = query.dry_run === true
      const report = new ImportReport()
      const { rules, ...options } = file
      const imported = streamBody(request, bodyLimits, (body) =>
        imports.run(body, { ...options, format, deviceId, dryRun, report, rules: { ...rulesOf(query), ...rules } })
      )
      return yield* (dryRun ? imported : audit.import(deviceId, report)(imported)).pipe(
        Effect.tap(({ notSent, unknown }) => (notSent + unknown > 0 ? leaveRepeatable : Effect.void)),
        Effect.flatMap((report) => plain(200, importFields(report, dryRun)))
      )
    })

  /** A dry run stores nothing, so there is nothing to queue. */
  const importOrQueue = (
    deviceId: DeviceId | undefined,
    query: ImportQuery,
    request: Request
  ): Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    UploadProblem | EntityNotFound | InvalidInput | ThingsBoardError | AuthorizationEnded,
    CurrentCaller
  > =>
    query.dry_run !== true && queued.isQueued(request)
      ? queued.importFile(deviceId, query, rulesOf(query), request)
      : importRows(deviceId, query, request)

  return {
    /** Stores points of the device in the path. */
    upload: (deviceId: DeviceId, query: UploadQuery, request: Request): Response<DeviceNotFound | UploadProblem> =>
      Effect.andThen(
        requireBodyKind(request, ["json"]),
        queued.isQueued(request)
          ? respondIfEnded<UploadProblem, CurrentCaller>(queued.upload(deviceId, rulesOf(query), request))
          : whileAuthorized<DeviceNotFound | UploadProblem, CurrentCaller>(
              Effect.catchTags(uploadJson(deviceId, query, request), deviceProblems)
            )
      ),

    /** Stores points of the devices that the body names. */
    uploadOfMany: (query: UploadQuery, request: Request): Response<UploadProblem> =>
      Effect.andThen(
        requireBodyKind(request, ["json"]),
        queued.isQueued(request)
          ? respondIfEnded<UploadProblem, CurrentCaller>(queued.uploadOfMany(rulesOf(query), request))
          : whileAuthorized<UploadProblem, CurrentCaller>(uploadJsonOfMany(query, request))
      ),

    /** Stores the rows of a file for the device in the path. */
    importFile: (deviceId: DeviceId, query: ImportQuery, request: Request): Response<DeviceNotFound | UploadProblem> =>
      importOrQueue(deviceId, query, request).pipe(whileAuthorized, Effect.catchTags(deviceProblems)),

    /** Stores the rows of a file for the devices that the rows name. */
    importFileOfMany: (query: ImportQuery, request: Request): Response<UploadProblem> =>
      importOrQueue(undefined, query, request).pipe(
        Effect.catchTags({ ThingsBoardError: asUpstreamProblem, InvalidInput: asInputProblem }),
        Effect.catchTag("EntityNotFound", Effect.die), // only a device in the path is looked up, and there is none
        whileAuthorized<UploadProblem, CurrentCaller>
      ),

    /** What became of an upload that was queued. */
    batch: queued.batch
  }
}
