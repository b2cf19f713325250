/** Everything the emulator answers over HTTP: the two APIs, and what ThingsBoard says of paths and methods that it does not have. */
import { Cause, Effect, Layer } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi, GatewayApi } from "./api/EmulatorApi.ts"
import { baseOf, DoorLive } from "./DoorLive.ts"
import { FaultRoutes, Trouble } from "./faultRoutes.ts"
import { AlarmsLive } from "./handlers/Alarms.ts"
import { ApiKeysLive } from "./handlers/ApiKeys.ts"
import { AssetsLive } from "./handlers/Assets.ts"
import { AuthLive } from "./handlers/Auth.ts"
import { CommandsLive } from "./handlers/Commands.ts"
import { DevicesLive } from "./handlers/Devices.ts"
import { EntityQueriesLive } from "./handlers/EntityQueries.ts"
import { PeopleLive } from "./handlers/People.ts"
import { ProfilesLive } from "./handlers/Profiles.ts"
import { EdgesLive, RelationsLive } from "./handlers/Relations.ts"
import { SystemLive } from "./handlers/System.ts"
import { TelemetryLive } from "./handlers/Telemetry.ts"
import { ThingsLive } from "./handlers/Things.ts"
import { TransportLive } from "./handlers/Transport.ts"
import { ValuesLive } from "./handlers/Values.ts"
import { empty, methodNotAllowed, noResource, toResponse, unauthorized } from "./Refusal.ts"
import { Sessions } from "./Sessions.ts"

const Gateway = HttpApiBuilder.layer(GatewayApi).pipe(
  Layer.provide(Layer.mergeAll(AuthLive, DevicesLive, AssetsLive, TelemetryLive, RelationsLive, EntityQueriesLive)),
  Layer.provide(DoorLive)
)

const Administration = HttpApiBuilder.layer(AdministrationApi).pipe(
  Layer.provide(Layer.mergeAll(ThingsLive, ProfilesLive, PeopleLive, ApiKeysLive, EdgesLive, ValuesLive)),
  Layer.provide(Layer.mergeAll(AlarmsLive, CommandsLive, SystemLive, TransportLive)),
  Layer.provide(DoorLive)
)

const patterns = [...Object.values(GatewayApi.groups), ...Object.values(AdministrationApi.groups)]
  .flatMap((group) => Object.values(group.endpoints))
  .map(({ path }) => new RegExp(`^${path.replace(/:\w+/g, "[^/]+")}$`))

const page = `<!doctype html><html lang="en"><title>ThingsBoard emulator</title><p>This is Boardwalk's ThingsBoard emulator. It has an API under /api and no pages.`

const isEncodedWell = (path: string): boolean => {
  try {
    return decodeURIComponent(path) !== ""
  } catch {
    return false
  }
}

/** Only who is logged in learns that a path does not exist; outside of `/api` there is always the web page. */
const notFound = Effect.fnUntraced(function* (sessions: Sessions["Service"], request: HttpServerRequest.HttpServerRequest) {
  const path = request.url.split("?")[0]!
  if (!isEncodedWell(path)) return yield* empty(400)
  if (!path.startsWith("/api/")) return HttpServerResponse.raw(page, { contentType: "text/html" })
  if (path === "/api/auth/login") return yield* unauthorized("Authentication method not supported")
  yield* sessions.byHeaders((name) => request.headers[name])
  return yield* patterns.some((pattern) => pattern.test(path)) ? methodNotAllowed(request.method) : noResource(path)
})

/** What the router finds no route for. */
const Fallback = HttpRouter.middleware(
  Effect.gen(function* () {
    const sessions = yield* Sessions
    return (handled) =>
      Effect.catchCause(handled, (cause) =>
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          const error = Cause.squash(cause)
          const isNotFound = HttpServerError.isHttpServerError(error) && error.reason._tag === "RouteNotFound"
          if (!isNotFound) return yield* Effect.failCause(cause)
          return yield* Effect.catch(notFound(sessions, request), (refusal) => toResponse(refusal, baseOf(request)))
        })
      )
  }),
  { global: true }
)

/** What is registered first is outermost: trouble befalls all answers. */
export const Routes = Layer.mergeAll(Gateway, Administration, Fallback, FaultRoutes).pipe(Layer.provideMerge(Trouble))
