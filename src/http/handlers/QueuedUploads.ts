/** Uploads that are acknowledged with 202 as soon as they are on disk, and what became of them. */
import { Effect } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import { BatchNotFound } from "../../api/Problems.ts"
import { CurrentExchange, type Exchange } from "../../platform/Exchange.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { FileQuery } from "../../services/ingest/fileQuery.ts"
import { parseFileQuery } from "../../services/ingest/fileQuery.ts"
import { ImportReport } from "../../services/ingest/ImportReport.ts"
import type { QueuedUploads } from "../../services/queued/QueuedUploads.ts"
import type { ValueRules } from "../../services/validation/values.ts"
import type { AuditLog } from "../logging/auditLog.ts"
import { headerOf } from "../request/header.ts"
import { prefersAsync } from "../request/preferences.ts"
import { charsetOf, requireFileKind } from "../request/bodyKind.ts"
import { type BodyLimits, readText, streamBody } from "../request/RequestBody.ts"
import { accepted, plain } from "../response/envelope.ts"
import { failWithProblem } from "../response/problem.ts"
import { asInputProblem, asSpoolProblem, asSpoolUnavailable, asUpstreamProblem } from "../response/toProblem.ts"
import { acceptedBulkFields, acceptedImportFields, acceptedUploadFields, batchFields } from "../response/uploadFields.ts"

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse

/** What a 202 says. */
interface Accepted {
  readonly batchId: string
  readonly fields: Record<string, unknown>
}

const toProblems = { InvalidInput: asInputProblem, SpoolFull: asSpoolProblem, SpoolFailed: asSpoolProblem }

const isPreferred = (request: Request) => prefersAsync(headerOf(request, "prefer"))

/**
 * RFC 7240: names the preferences that were applied, `respond-async` and the client's limit on the time. It is a header of the response
 * itself, so that a repeat with the same Idempotency-Key gets it as well.
 */
const preferenceHeader = (request: Request, exchange: Exchange | undefined): Record<string, string> => {
  if (!isPreferred(request)) return {}
  const applied = exchange?.headers["preference-applied"]
  return { "preference-applied": applied === undefined ? "respond-async" : `${applied}, respond-async` }
}

export const makeQueuedUploads = (queued: QueuedUploads["Service"], bodyLimits: BodyLimits, audit: AuditLog) => {
  /** The batch belongs to the key that uploads it. */
  const respond = <A, E, R>(
    request: Request,
    accept: (owner: string) => Effect.Effect<A, E, R>,
    toAccepted: (result: A) => Accepted
  ): Effect.Effect<Response, E, R | CurrentCaller> =>
    Effect.flatMap(
      Effect.flatMap(CurrentCaller, ({ id }) => accept(id)),
      (result) => {
        const { batchId, fields } = toAccepted(result)
        return Effect.withFiber((fiber) => accepted(batchId, fields, preferenceHeader(request, fiber.getRef(CurrentExchange))))
      }
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
        (result) => ({ batchId: result.batchId, fields: acceptedUploadFields(deviceId, result) })
      ),

    uploadOfMany: (rules: ValueRules, request: Request) =>
      respond(
        request,
        (owner) =>
          Effect.flatMap(readText(request, bodyLimits), (body) =>
            audit.queued({ operation: "bulk", body }, queued.bulk(owner, body, rules).pipe(Effect.catchTags(toProblems)))
          ),
        (result) => ({ batchId: result.batchId, fields: acceptedBulkFields(result) })
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
        ({ batchId, report }) => ({ batchId, fields: acceptedImportFields(report) })
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
