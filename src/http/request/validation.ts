/** All that is wrong with a request, part by part. The framework itself stops at the first part that does not fit. */
import { Context, Effect, Result, Schema, SchemaIssue } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import type { HttpApiEndpoint } from "effect/http-api"
import { InvalidRequest } from "../../api/Problems.ts"
import { andMore } from "../../domain/andMore.ts"
import type { FieldError } from "../../domain/Errors.ts"
import { maxFieldLength } from "../../domain/FieldErrors.ts"
import { awaitBody, type BodyLimits, isJson } from "./RequestBody.ts"
import { failWithProblem } from "../response/problem.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** More faults than anyone reads are cut, so that a bad body of a million points cannot make an answer of its size. */
const maxErrors = 100

export const fieldErrorsOf = (slot: string, { issue }: Schema.SchemaError): ReadonlyArray<FieldError> =>
  format(issue).issues.map(({ message, path = [] }) => ({
    field: [slot, ...path.map((part) => String(typeof part === "object" ? part.key : part).slice(0, maxFieldLength))].join("."),
    issue: message
  }))

const decode = (slot: string, schema: Schema.Top | undefined, value: unknown): ReadonlyArray<FieldError> => {
  if (schema === undefined) return []
  // Schemas of requests need no services.
  const result = Schema.decodeUnknownResult(schema as Schema.Codec<unknown>)(value, { errors: "all", onExcessProperty: "error" })
  return Result.isFailure(result) ? fieldErrorsOf(slot, result.failure) : []
}

/** Where no parameters are declared the framework does not look at any: a misspelt one must not be ignored there either. */
export const unexpectedParameters = (request: HttpServerRequest.HttpServerRequest): ReadonlyArray<FieldError> => {
  const from = request.url.indexOf("?")
  const names = from < 0 ? [] : new Set(new URLSearchParams(request.url.slice(from + 1)).keys())
  return [...names].map((name) => ({ field: `query.${name.slice(0, maxFieldLength)}`, issue: "Expected no such parameter" }))
}

const bodyFaults = (schema: Schema.Top | undefined, request: HttpServerRequest.HttpServerRequest, bounds: BodyLimits) => {
  if (schema === undefined || !isJson(request)) return Effect.succeed([])
  return Effect.match(Effect.andThen(awaitBody(request, bounds), request.json), {
    onSuccess: (body) => decode("body", schema, body),
    onFailure: (error): ReadonlyArray<FieldError> => {
      if (error._tag === "HttpServerError") return [{ field: "body", issue: "Expected valid JSON" }]
      return error._tag === "InvalidRequest" ? error.details.errors : []
    }
  })
}

type OfRequest = HttpRouter.RouteContext | HttpServerRequest.ParsedSearchParams | HttpServerRequest.HttpServerRequest

/** The framework stops at the first part of a request that does not fit: here all parts are looked at. */
export const allFieldErrors = (endpoint: HttpApiEndpoint.Top, bounds: BodyLimits): Effect.Effect<ReadonlyArray<FieldError>> =>
  Effect.withFiber((fiber) => {
    const context = fiber.context as Context.Context<OfRequest>
    const request = Context.get(context, HttpServerRequest.HttpServerRequest)
    const path = decode("path", endpoint.params, Context.get(context, HttpRouter.RouteContext).params)
    const query =
      endpoint.query === undefined
        ? unexpectedParameters(request)
        : decode("query", endpoint.query, Context.get(context, HttpServerRequest.ParsedSearchParams))
    return Effect.map(bodyFaults(endpoint.payload.get("application/json")?.schemas[0], request, bounds), (body) => [
      ...path,
      ...query,
      ...body
    ])
  })

const cut = (faults: ReadonlyArray<FieldError>): ReadonlyArray<FieldError> => [
  ...faults.slice(0, maxErrors),
  ...andMore(faults.length - maxErrors, "error").map((issue) => ({ field: "request", issue }))
]

export const failInvalid = (faults: ReadonlyArray<FieldError>) =>
  failWithProblem(
    "The request is not valid; details.errors names every fault.",
    (common) => new InvalidRequest({ ...common, details: { errors: cut(faults) } })
  )
