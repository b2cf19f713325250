import { Context, Effect, Result, Schema, SchemaIssue } from "effect"
import { HttpServerRequest } from "effect/http"
import { type HttpApiEndpoint, HttpApiMiddleware } from "effect/http-api"
import { SchemaErrors } from "../../api/middleware/SchemaErrors.ts"
import { InternalError, InvalidRequest } from "../../api/Problems.ts"
import type { Fault } from "../../domain/Errors.ts"
import { refuse } from "../refuse.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** More faults than anyone reads are cut, so that a bad body of a million points cannot make an answer of its size. */
const mostFaults = 100

const slots = { Params: "path", Query: "query", Headers: "headers", Payload: "body", Body: "body", ResponseHeaders: "headers" } as const
type Slot = (typeof slots)[keyof typeof slots]

const faultsOf = (slot: Slot, { issue }: Schema.SchemaError): ReadonlyArray<Fault> =>
  format(issue).issues.map(({ message, path = [] }) => ({
    field: [slot, ...path.map((part) => String(typeof part === "object" ? part.key : part))].join("."),
    issue: message
  }))

const decode = (slot: Slot, schema: Schema.Top, value: unknown): ReadonlyArray<Fault> => {
  // Schemas of requests need no services.
  const result = Schema.decodeUnknownResult(schema as Schema.Codec<unknown>)(value, { errors: "all", onExcessProperty: "error" })
  return Result.isFailure(result) ? faultsOf(slot, result.failure) : []
}

const queryFaults = (endpoint: HttpApiEndpoint.Top, context: Context.Context<never>) => {
  const given = Context.getOrUndefined(
    context as Context.Context<HttpServerRequest.ParsedSearchParams>,
    HttpServerRequest.ParsedSearchParams
  )
  return endpoint.query === undefined || given === undefined ? [] : decode("query", endpoint.query, given)
}

const bodyFaults = Effect.fnUntraced(function* (endpoint: HttpApiEndpoint.Top, context: Context.Context<never>) {
  const json = endpoint.payload.get("application/json")
  const request = Context.getOrUndefined(
    context as Context.Context<HttpServerRequest.HttpServerRequest>,
    HttpServerRequest.HttpServerRequest
  )
  const schema = json?.schemas[0]
  if (schema === undefined || request === undefined || !(request.headers["content-type"] ?? "").includes("json")) return []
  const body = yield* Effect.result(request.json)
  return Result.isSuccess(body) ? decode("body", schema, body.success) : [{ field: "body", issue: "Expected valid JSON" }]
})

/** The framework stops at the first part of a request that does not fit; the faults of the parts behind it are looked up here. */
const laterFaults = (kind: keyof typeof slots, endpoint: HttpApiEndpoint.Top) =>
  Effect.withFiber((fiber): Effect.Effect<ReadonlyArray<Fault>> => {
    if (kind === "Payload") return Effect.succeed([])
    const query = kind === "Params" ? queryFaults(endpoint, fiber.context) : []
    return Effect.map(bodyFaults(endpoint, fiber.context), (body) => [...query, ...body])
  })

const cut = (faults: ReadonlyArray<Fault>): ReadonlyArray<Fault> =>
  faults.length <= mostFaults
    ? faults
    : [...faults.slice(0, mostFaults), { field: "request", issue: `and ${faults.length - mostFaults} more faults` }]

/** A request that does not fit is refused with all its faults; an answer that does not fit is a bug of ours. */
export const SchemaErrorsLive = HttpApiMiddleware.layerSchemaErrorTransform(
  SchemaErrors,
  ({ cause, kind }, { endpoint }): Effect.Effect<never, InvalidRequest | InternalError> => {
    if (kind === "Body" || kind === "ResponseHeaders") {
      return Effect.andThen(
        Effect.logError("An answer does not fit its declaration", cause),
        refuse("The gateway made an answer that it may not send.", (common) => new InternalError({ ...common, details: {} }))
      )
    }
    return Effect.flatMap(laterFaults(kind, endpoint), (later) => {
      const errors = cut([...faultsOf(slots[kind], cause), ...later])
      return refuse(
        "The request is not valid; details.errors names every fault.",
        (common) => new InvalidRequest({ ...common, details: { errors } })
      )
    })
  }
)
