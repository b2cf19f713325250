/** Finds every error of a request, in its path, query and body. The framework itself stops at the first of them that is invalid. */
import { Context, Effect, Result, Schema } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import type { HttpApiEndpoint } from "effect/http-api"
import { InvalidRequest } from "../../api/Problems.ts"
import { andMore } from "../../domain/andMore.ts"
import type { FieldError } from "../../domain/Errors.ts"
import { failWithProblem } from "../response/problem.ts"
import { describeSchemaError, describeUnknownParameter, maxDescribed, type Slot } from "./describeIssue.ts"
import { bodyKindOf } from "./bodyKind.ts"
import { awaitBody, type BodyLimits } from "./RequestBody.ts"

/** Errors listed in one response. Without a limit, an invalid body of a million points would get a response of its own size. */
const maxErrors = maxDescribed

const decode = (slot: Slot, schema: Schema.Top | undefined, value: unknown): ReadonlyArray<FieldError> => {
  if (schema === undefined) return []
  // The schemas of requests need no services.
  const result = Schema.decodeUnknownResult(schema as Schema.Codec<unknown>)(value, { errors: "all", onExcessProperty: "error" })
  return Result.isFailure(result) ? describeSchemaError(slot, result.failure, value) : []
}

/** Errors for the query of an endpoint that declares none: the framework would ignore it, and a misspelled parameter with it. */
export const findUnexpectedParameters = (request: HttpServerRequest.HttpServerRequest): ReadonlyArray<FieldError> => {
  const from = request.url.indexOf("?")
  const names = from < 0 ? [] : new Set(new URLSearchParams(request.url.slice(from + 1)).keys())
  return [...names].map(describeUnknownParameter)
}

const findBodyErrors = (schema: Schema.Top | undefined, request: HttpServerRequest.HttpServerRequest, limits: BodyLimits) => {
  if (schema === undefined || bodyKindOf(request) !== "json") return Effect.succeed([])
  return Effect.match(Effect.andThen(awaitBody(request, limits), request.json), {
    onSuccess: (body) => decode("body", schema, body),
    onFailure: (error): ReadonlyArray<FieldError> => {
      if (error._tag === "HttpServerError") return [{ field: "body", issue: "Expected valid JSON" }]
      return error._tag === "InvalidRequest" ? error.details.errors : []
    }
  })
}

type RequestServices = HttpRouter.RouteContext | HttpServerRequest.ParsedSearchParams | HttpServerRequest.HttpServerRequest

/** Every error of the request that is being handled; none in a body that is not JSON. */
export const findFieldErrors = (endpoint: HttpApiEndpoint.Top, limits: BodyLimits): Effect.Effect<ReadonlyArray<FieldError>> =>
  Effect.withFiber((fiber) => {
    const context = fiber.context as Context.Context<RequestServices>
    const request = Context.get(context, HttpServerRequest.HttpServerRequest)
    const path = decode("path", endpoint.params, Context.get(context, HttpRouter.RouteContext).params)
    const query =
      endpoint.query === undefined
        ? findUnexpectedParameters(request)
        : decode("query", endpoint.query, Context.get(context, HttpServerRequest.ParsedSearchParams))
    return Effect.map(findBodyErrors(endpoint.payload.get("application/json")?.schemas[0], request, limits), (body) => [
      ...path,
      ...query,
      ...body
    ])
  })

const limitErrors = (errors: ReadonlyArray<FieldError>): ReadonlyArray<FieldError> => [
  ...errors.slice(0, maxErrors),
  ...andMore(errors.length - maxErrors, "error").map((issue) => ({ field: "request", issue }))
]

export const failInvalid = (errors: ReadonlyArray<FieldError>) =>
  failWithProblem(
    "The request is not valid; details.errors lists every error.",
    (common) => new InvalidRequest({ ...common, details: { errors: limitErrors(errors) } })
  )
