/** Uploads that are acknowledged with 202 as soon as they are on disk, and what became of them. */
import { Effect } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import { BatchNotFound } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { FileQuery } from "../../services/ingest/fileQuery.ts"
import { parseFileQuery } from "../../services/ingest/fileQuery.ts"
import { ImportReport } from "../../services/ingest/ImportReport.ts"
import type { QueuedUploads } from "../../services/queued/QueuedUploads.ts"
import type { ValueRules } from "../../services/validation/values.ts"
import type { AuditLog } from "../logging/auditLog.ts"
import { prefersAsync } from "../request/preferences.ts"
import { charsetOf, requireFileKind } from "../request/bodyKind.ts"
import { type BodyLimits, readText, streamBody } from "../request/RequestBody.ts"
import { accepted, plain } from "../response/envelope.ts"
import { failWithProblem } from "../response/problem.ts"
import { asInputProblem, asSpoolProblem, asSpoolUnavailable, asUpstreamProblem } from "../response/toProblem.ts"
import { acceptedBulkFields, acceptedImportFields, acceptedUploadFields, batchFields } from "../response/uploadFields.ts"

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse

const toProblems = { InvalidInput: asInputProblem, SpoolFull: asSpoolProblem, SpoolFailed: asSpoolProblem }

const isPreferred = (request: Request) => prefersAsync(request.headers["prefer"])

/**
 * RFC 7240: says that the preference was honored, beside that for a time. It belongs to the response, so that a repeat with the same
 * Idempotency-Key gets it as well.
 */
const notePreference = (request: Request, response: Response) =>
  Effect.withFiber((fiber) => {
    if (!isPreferred(request)) return Effect.succeed(response)
    const applied = fiber.getRef(CurrentExchange)?.headers["preference-applied"]
    return Effect.succeed(
      HttpServerResponse.setHeader(response, "preference-applied", applied === undefined ? "respond-async" : `${applied}, respond-async`)
    )
  })

export const makeQueuedUploads = (queued: QueuedUploads["Service"], bodyLimits: BodyLimits, audit: AuditLog) => {
  /** The batch belongs to the key that uploads it. */
  const respond = <A, E, R>(
    request: Request,
    accept: (owner: string) => Effect.Effect<A, E, R>,
    toResponse: (result: A) => Effect.Effect<Response>
  ) =>
    Effect.flatMap(CurrentCaller, ({ id }) => accept(id)).pipe(
      Effect.flatMap(toResponse),
      Effect.flatMap((response) => notePreference(request, response))
    )

  return {
    isQueued: (request: Request) => queued.isQueued(isPreferred(request)),

    upload: (deviceId: DeviceId, rules: ValueRules, request: Request) =>
      respond(
        request,
        (owner) =>
          Effect.flatMap(readText(request, bodyLimits), (body) =>
            audit.queued(
              { operation: "upload", device_id: deviceId, body },
              queued.upload(owner, deviceId, body, rules).pipe(Effect.catchTags(toProblems))
            )
          ),
        (result) => accepted(result.batchId, acceptedUploadFields(deviceId, result))
      ),

    uploadOfMany: (rules: ValueRules, request: Request) =>
      respond(
        request,
        (owner) =>
          Effect.flatMap(readText(request, bodyLimits), (body) =>
            audit.queued({ operation: "bulk", body }, queued.bulk(owner, body, rules).pipe(Effect.catchTags(toProblems)))
          ),
        (result) => accepted(result.batchId, acceptedBulkFields(result))
      ),

    importFile: (
      deviceId: DeviceId | undefined,
      query: FileQuery & { readonly format?: "csv" | "jsonl" },
      rules: ValueRules,
      request: Request
    ) =>
      respond(
        request,
        (owner) =>
          Effect.gen(function* () {
            const format = yield* requireFileKind(request, query.format)
            const { rules: fileRules, ...options } = yield* parseFileQuery(query, format, charsetOf(request))
            const report = new ImportReport()
            const rowOptions = { ...options, format, deviceId, report, rules: { ...rules, ...fileRules } }
            return yield* streamBody(request, bodyLimits, (body) =>
              audit
                .queuedImport(
                  deviceId,
                  report
                )(queued.import(owner, body, rowOptions))
                .pipe(
                  // Memory that a body needs is counted like that of ThingsBoard's responses.
                  Effect.catchTags({ ...toProblems, ThingsBoardError: asUpstreamProblem })
                )
            )
          }),
        ({ batchId, report }) => accepted(batchId, acceptedImportFields(report))
      ),

    /** Batches of other keys look as if they did not exist. */
    batch: (id: string) =>
      Effect.flatMap(CurrentCaller, ({ id: owner }) =>
        Effect.flatMap(
          Effect.catch(queued.batch(owner, id), () => asSpoolUnavailable),
          (found) =>
            found === undefined
              ? failWithProblem(
                  `No batch has the id ${id}, or another key uploaded it, or it finished longer ago than SPOOL_KEEP.`,
                  (common) => new BatchNotFound({ ...common, details: { batch_id: id } })
                )
              : plain(200, batchFields(found))
        )
      )
  }
}
