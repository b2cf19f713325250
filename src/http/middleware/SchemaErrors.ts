import { Effect, SchemaIssue } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import { SchemaErrors } from "../../api/middleware/SchemaErrors.ts"
import { InternalError, InvalidRequest } from "../../api/Problems.ts"
import type { Fault } from "../../domain/Errors.ts"
import { refuse } from "../refuse.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** More faults than anyone reads are cut, so that a bad body of a million points cannot make an answer of its size. */
const mostFaults = 100

const slots = { Params: "path", Query: "query", Headers: "headers", Payload: "body", Body: "body", ResponseHeaders: "headers" } as const

const toFault =
  (slot: string) =>
  (issue: { readonly message: string; readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined }): Fault => ({
    field: [slot, ...(issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part))].join("."),
    issue: issue.message
  })

/** A request that does not fit is refused with all its faults; an answer that does not fit is a bug of ours. */
export const SchemaErrorsLive = HttpApiMiddleware.layerSchemaErrorTransform(SchemaErrors, (error) => {
  if (error.kind === "Body" || error.kind === "ResponseHeaders") {
    return Effect.andThen(
      Effect.logError("An answer does not fit its declaration", error.cause),
      refuse("The gateway made an answer that it may not send.", (common) => new InternalError({ ...common, details: {} }))
    )
  }
  const faults = format(error.cause.issue).issues.map(toFault(slots[error.kind]))
  const errors =
    faults.length > mostFaults
      ? [...faults.slice(0, mostFaults), { field: slots[error.kind], issue: `and ${faults.length - mostFaults} more faults` }]
      : faults
  return refuse(
    "The request is not valid; details.errors names every fault.",
    (common) => new InvalidRequest({ ...common, details: { errors } })
  )
})
