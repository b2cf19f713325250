import { Cause, Effect, Layer, Schema, type Types } from "effect"
import { HttpApi } from "effect/http-api"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { Api } from "../../api/Api.ts"
import { InternalError, InvalidRequest, MethodNotAllowed, PayloadTooLarge, Problem, RouteNotFound } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { logBug } from "../logging/securityLog.ts"
import { pagePaths } from "../pages/Pages.ts"
import { failWithProblem } from "../response/problem.ts"

interface Route {
  readonly method: string
  readonly path: RegExp
}

type Response = HttpServerResponse.HttpServerResponse

/** Every route of the API and of the pages. */
const routesOf = (pages: ReadonlyArray<string>): ReadonlyArray<Route> => {
  const toPattern = (path: string) => new RegExp(`^${path.replaceAll(/:[^/]+/g, "[^/]+")}/?$`)
  const routes = pages.map((path) => ({ method: "GET", path: toPattern(path) }))
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      routes.push({ method: endpoint.method, path: toPattern(endpoint.path) })
    }
  })
  return routes
}

const allowedMethods = (routes: ReadonlyArray<Route>, path: string): ReadonlyArray<string> => {
  const methods = routes.filter((route) => route.path.test(path)).map((route) => route.method)
  return methods.length === 0 ? [] : [...new Set([...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"])]
}

const respondWith = (problem: Effect.Effect<never, Problem>): Effect.Effect<Response> =>
  Effect.flatMap(Effect.flip(problem), HttpServerRespondable.toResponse)

/** 404 or 405, or the response to an OPTIONS request. Effect's router knows only 404. */
const routeNotFound = Effect.fnUntraced(function* (routes: ReadonlyArray<Route>, request: HttpServerRequest.HttpServerRequest) {
  const allow = allowedMethods(routes, request.url.split("?", 1)[0]!)
  const header = { allow: allow.join(", ") }
  if (request.method === "OPTIONS" && allow.length > 0) return HttpServerResponse.empty({ status: 204, headers: header })
  // A page such as /errors/:name matches the path and the method, but has no content for this name.
  if (allow.length === 0 || allow.includes(request.method))
    return yield* respondWith(
      failWithProblem(
        "There is no endpoint at this path. GET / lists the entry points.",
        (common) => new RouteNotFound({ ...common, details: {} })
      )
    )
  const response = yield* respondWith(
    failWithProblem(
      `This path does not support ${request.method}; it supports ${header.allow}.`,
      (common) => new MethodNotAllowed({ ...common, details: { allow } })
    )
  )
  return HttpServerResponse.setHeaders(response, header)
})

const payloadTooLarge = respondWith(
  failWithProblem("The body is larger than the limit (MAX_BODY_SIZE).", (common) => new PayloadTooLarge({ ...common, details: {} }))
)

const unreadableBody = respondWith(
  failWithProblem(
    "The body is not valid JSON.",
    (common) => new InvalidRequest({ ...common, details: { errors: [{ field: "body", issue: "Expected valid JSON" }] } })
  )
)

const internalError = (cause: Cause.Cause<unknown>) =>
  Effect.andThen(
    logBug("Unexpected failure", cause),
    respondWith(
      failWithProblem(
        "The gateway failed unexpectedly; its log has the cause under this request's id.",
        (common) => new InternalError({ ...common, details: {} })
      )
    )
  )

const isProblem = Schema.is(Problem)

/** The response to a failure behind the router: the problem itself, or 500 for a bug. An interruption stays one. */
export const respondToFailure = (cause: Cause.Cause<unknown>): Effect.Effect<Response> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
  const error = Cause.squash(cause)
  return isProblem(error) ? Effect.orDie(HttpServerRespondable.toResponse(error)) : internalError(cause)
}

const toErrorResponse = (
  routes: ReadonlyArray<Route>,
  cause: Cause.Cause<unknown>
): Effect.Effect<Response, Types.unhandled, HttpServerRequest.HttpServerRequest> => {
  const error = Cause.squash(cause)
  if (HttpServerError.isHttpServerError(error)) {
    if (error.reason._tag === "RouteNotFound")
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => routeNotFound(routes, request))
    if (error.reason._tag === "RequestParseError") return error.reason.reason === "BodyTooLarge" ? payloadTooLarge : unreadableBody
  }
  return respondToFailure(cause)
}

/**
 * Failures that no endpoint handles (unknown paths and methods, bodies that cannot be read, bugs) become problems too. The framework alone
 * would respond to them without a body.
 */
export const ErrorResponsesLayer = Layer.unwrap(
  Effect.map(Settings, (settings) => {
    const routes = routesOf(pagePaths(settings))
    return HttpRouter.middleware((handled) => Effect.catchCause(handled, (cause) => toErrorResponse(routes, cause)), { global: true })
  })
)
