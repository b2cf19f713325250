/** All HTTP routes: the two APIs, and ThingsBoard's responses to unknown paths and methods (recorded in `unknown.json`). */
import { Cause, Effect, Layer } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi, GatewayApi } from "../api/EmulatorApi.ts"
import { baseUrlOf, RequestGateLayer } from "./RequestGateLayer.ts"
import { FaultRoutes } from "../faults/FaultRoutes.ts"
import { InjectFaults } from "../faults/InjectFaults.ts"
import { AlarmsLayer } from "../handlers/Alarms.ts"
import { ApiKeysLayer } from "../handlers/ApiKeys.ts"
import { AssetsLayer } from "../handlers/Assets.ts"
import { AuthLayer } from "../handlers/Auth.ts"
import { CommandsLayer } from "../handlers/Commands.ts"
import { DevicesLayer } from "../handlers/Devices.ts"
import { EntityQueriesLayer } from "../handlers/EntityQueries.ts"
import { UsersLayer } from "../handlers/Users.ts"
import { ProfilesLayer } from "../handlers/Profiles.ts"
import { RelationAdministrationLayer, RelationsLayer } from "../handlers/Relations.ts"
import { SystemLayer } from "../handlers/System.ts"
import { TelemetryLayer } from "../handlers/Telemetry.ts"
import { DevicesAndAssetsLayer } from "../handlers/DevicesAndAssets.ts"
import { TransportLayer } from "../handlers/Transport.ts"
import { TelemetryAdministrationLayer } from "../handlers/TelemetryAdministration.ts"
import { emptyError, methodNotAllowed, noResource, toResponse, unauthorized } from "../http/ErrorResponse.ts"
import { Sessions } from "../auth/Sessions.ts"

const Gateway = HttpApiBuilder.layer(GatewayApi).pipe(
  Layer.provide(Layer.mergeAll(AuthLayer, DevicesLayer, AssetsLayer, TelemetryLayer, RelationsLayer, EntityQueriesLayer)),
  Layer.provide(RequestGateLayer)
)

const Administration = HttpApiBuilder.layer(AdministrationApi).pipe(
  Layer.provide(
    Layer.mergeAll(
      DevicesAndAssetsLayer,
      ProfilesLayer,
      UsersLayer,
      ApiKeysLayer,
      RelationAdministrationLayer,
      TelemetryAdministrationLayer
    )
  ),
  Layer.provide(Layer.mergeAll(AlarmsLayer, CommandsLayer, SystemLayer, TransportLayer)),
  Layer.provide(RequestGateLayer)
)

const pathPatterns = [...Object.values(GatewayApi.groups), ...Object.values(AdministrationApi.groups)]
  .flatMap((group) => Object.values(group.endpoints))
  .map(({ path }) => new RegExp(`^${path.replace(/:\w+/g, "[^/]+")}$`))

const homePage = `<!doctype html><html lang="en"><title>ThingsBoard emulator</title><p>This is Boardwalk's ThingsBoard emulator. It has an API under /api and no pages.`

const isWellEncoded = (path: string): boolean => {
  try {
    return decodeURIComponent(path) !== ""
  } catch {
    return false
  }
}

/** Unknown paths under `/api` are 401 without a valid login; all paths outside of `/api` return the web page. */
const respondUnmatched = Effect.fnUntraced(function* (sessions: Sessions["Service"], request: HttpServerRequest.HttpServerRequest) {
  const path = request.url.split("?")[0]!
  if (!isWellEncoded(path)) return yield* emptyError(400)
  if (!path.startsWith("/api/")) return HttpServerResponse.raw(homePage, { contentType: "text/html" })
  if (path === "/api/auth/login") return yield* unauthorized("Authentication method not supported")
  yield* sessions.authenticateHeaders((name) => request.headers[name])
  return yield* pathPatterns.some((pattern) => pattern.test(path)) ? methodNotAllowed(request.method) : noResource(path)
})

/** Requests that match no route. */
const UnmatchedRequests = HttpRouter.middleware(
  Effect.gen(function* () {
    const sessions = yield* Sessions
    return (handler) =>
      Effect.catchCause(handler, (cause) =>
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          const error = Cause.squash(cause)
          const isNotFound = HttpServerError.isHttpServerError(error) && error.reason._tag === "RouteNotFound"
          if (!isNotFound) return yield* Effect.failCause(cause)
          return yield* Effect.catch(respondUnmatched(sessions, request), (errorResponse) => toResponse(errorResponse, baseUrlOf(request)))
        })
      )
  }),
  { global: true }
)

/** `InjectFaults` is registered first and so is outermost: faults apply to all responses. */
export const Routes = Layer.mergeAll(Gateway, Administration, UnmatchedRequests, FaultRoutes).pipe(Layer.provideMerge(InjectFaults))
