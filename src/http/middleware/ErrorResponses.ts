import { Cause, Effect, Layer, type Types } from "effect"
import { HttpApi } from "effect/http-api"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { Api } from "../../api/Api.ts"
import {
  InternalError,
  InvalidRequest,
  MethodNotAllowed,
  PayloadTooLarge,
  type Problem,
  RouteNotFound,
  UnsupportedMediaType
} from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { pagePaths } from "../pages/Pages.ts"
import { failWithProblem } from "../response/problem.ts"

type Routes = ReadonlyArray<{ readonly method: string; readonly path: RegExp }>

/** The methods that each path takes. */
const routesOf = (pages: ReadonlyArray<string>): Routes => {
  const pattern = (path: string) => new RegExp(`^${path.replaceAll(/:[^/]+/g, "[^/]+")}/?$`)
  const found = pages.map((path) => ({ method: "GET", path: pattern(path) }))
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      found.push({ method: endpoint.method, path: pattern(endpoint.path) })
    }
  })
  return found
}

const methodsOf = (routes: Routes, path: string): ReadonlyArray<string> => {
  const methods = routes.filter((route) => route.path.test(path)).map((route) => route.method)
  return methods.length === 0 ? [] : [...new Set([...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"])]
}

const answer = (problem: Effect.Effect<never, Problem>) => Effect.flatMap(Effect.flip(problem), HttpServerRespondable.toResponse)

const routeNotFound = Effect.fnUntraced(function* (routes: Routes, request: HttpServerRequest.HttpServerRequest) {
  const allow = methodsOf(routes, request.url.split("?", 1)[0]!)
  const header = { allow: allow.join(", ") }
  if (request.method === "OPTIONS" && allow.length > 0) return HttpServerResponse.empty({ status: 204, headers: header })
  // A page that names one of many things takes the method, and still there may be no such thing.
  if (allow.length === 0 || allow.includes(request.method))
    return yield* answer(
      failWithProblem(
        "There is nothing at this path. GET / tells where things are.",
        (common) => new RouteNotFound({ ...common, details: {} })
      )
    )
  const response = yield* answer(
    failWithProblem(
      `This path does not take ${request.method}; it takes ${header.allow}.`,
      (common) => new MethodNotAllowed({ ...common, details: { allow } })
    )
  )
  return HttpServerResponse.setHeaders(response, header)
})

const payloadTooLarge = answer(
  failWithProblem(
    "The body is larger than this gateway takes (MAX_BODY_SIZE).",
    (common) => new PayloadTooLarge({ ...common, details: {} })
  )
)

const unsupportedMediaType = answer(
  failWithProblem(
    "This path does not take a body of this Content-Type.",
    (common) => new UnsupportedMediaType({ ...common, details: { accepted: ["application/json"] } })
  )
)

const unreadable = answer(
  failWithProblem(
    "The body is not valid JSON.",
    (common) => new InvalidRequest({ ...common, details: { errors: [{ field: "body", issue: "Expected valid JSON" }] } })
  )
)

const internalError = (cause: Cause.Cause<unknown>) =>
  Effect.andThen(
    Effect.logError("Unexpected failure", cause),
    answer(
      failWithProblem(
        "The gateway failed unexpectedly; its log has the reason under this request's id.",
        (common) => new InternalError({ ...common, details: {} })
      )
    )
  )

/** Answers of the framework come without a body or with plain text; ours are JSON. */
const bare = (response: HttpServerResponse.HttpServerResponse) =>
  response.status >= 400 && !(response.headers["content-type"] ?? "").includes("json") ? response.status : undefined

const reshaped = (response: HttpServerResponse.HttpServerResponse): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const status = bare(response)
  if (status === 413) return payloadTooLarge
  if (status === 415) return unsupportedMediaType
  if (status === 400) return unreadable
  return status !== undefined && status >= 500 ? internalError(Cause.die(new Error(`unshaped answer ${status}`))) : Effect.succeed(response)
}

const explained = (
  routes: Routes,
  cause: Cause.Cause<unknown>
): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled, HttpServerRequest.HttpServerRequest> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
  const error = Cause.squash(cause)
  if (HttpServerError.isHttpServerError(error)) {
    if (error.reason._tag === "RouteNotFound")
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => routeNotFound(routes, request))
    if (error.reason._tag === "RequestParseError") return error.reason.reason === "BodyTooLarge" ? payloadTooLarge : unreadable
  }
  return HttpServerRespondable.isRespondable(error)
    ? Effect.flatMap(Effect.orDie(HttpServerRespondable.toResponse(error)), reshaped)
    : internalError(cause)
}

/** What no endpoint answers for (unknown paths and methods, bodies the framework refuses, bugs) gets the one shape as well. */
export const ErrorResponsesLayer = Layer.unwrap(
  Effect.map(Settings, (settings) => {
    const routes = routesOf(pagePaths(settings))
    return HttpRouter.middleware(
      (handled) => Effect.matchCauseEffect(handled, { onSuccess: reshaped, onFailure: (cause) => explained(routes, cause) }),
      { global: true }
    )
  })
)
