/**
 * The whole server on one screen: the contract, its handlers and middlewares, the pages, on one port.
 * The folder translates between HTTP and the services; what Boardwalk promises is in `services`.
 */
import { ByteSize, Effect, Layer } from "effect"
import { HttpIncomingMessage, HttpRouter } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { readCertificates } from "../config/Certificates.ts"
import { Settings } from "../config/Settings.ts"
import * as BunHttpServer from "../platform/BunHttpServer.ts"
import { Access } from "../services/Access.ts"
import { ApiKeys } from "../services/ApiKeys.ts"
import { Assets } from "../services/Assets.ts"
import { Attributes } from "../services/Attributes.ts"
import { Buckets } from "../services/Buckets.ts"
import { Devices } from "../services/Devices.ts"
import { Exports } from "../services/Exports.ts"
import { Guesses } from "../services/Guesses.ts"
import { Graph } from "../services/Graph.ts"
import { History } from "../services/History.ts"
import { Import } from "../services/Import.ts"
import { Ingest } from "../services/Ingest.ts"
import { Limits } from "../services/Limits.ts"
import { LatestOfMany } from "../services/LatestOfMany.ts"
import { Query } from "../services/Query.ts"
import { Readiness } from "../services/Readiness.ts"
import { Telemetry } from "../services/Telemetry.ts"
import { Authorities } from "../thingsboard/Authorities.ts"
import { Identities } from "../thingsboard/Identities.ts"
import { Session } from "../thingsboard/Session.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import { callerAddress } from "./callerAddress.ts"
import { AssetsLive } from "./handlers/Assets.ts"
import { AttributesLive } from "./handlers/Attributes.ts"
import { DevicesLive } from "./handlers/Devices.ts"
import { GraphLive } from "./handlers/Graph.ts"
import { SystemLive } from "./handlers/System.ts"
import { TelemetryLive } from "./handlers/Telemetry.ts"
import { AllowedHostsLive } from "./middleware/AllowedHosts.ts"
import { AuthenticationLive } from "./middleware/Authentication.ts"
import { BoundedBodyLive } from "./middleware/BoundedBody.ts"
import { BoundsLive } from "./middleware/Bounds.ts"
import { CorsLive } from "./middleware/Cors.ts"
import { DeclaredParametersLive } from "./middleware/DeclaredParameters.ts"
import { FailuresLive } from "./middleware/Failures.ts"
import { RateLimitLive } from "./middleware/RateLimit.ts"
import { SchemaErrorsLive } from "./middleware/SchemaErrors.ts"
import { StraysLive } from "./middleware/Strays.ts"
import { PagesLive } from "./pages/Pages.ts"
import { slim } from "./slim.ts"
import { renewal } from "./renewal.ts"
import { onlyHttps, securityHeaders } from "./securityHeaders.ts"

const Handlers = Layer.mergeAll(
  slim<Devices>(Devices)(DevicesLive),
  slim<Assets>(Assets)(AssetsLive),
  slim<Graph>(Graph)(GraphLive),
  slim<Telemetry | Exports | LatestOfMany | Query | Ingest | Import | Settings>(
    Telemetry,
    Exports,
    LatestOfMany,
    Query,
    Ingest,
    Import,
    Settings
  )(TelemetryLive),
  slim<Attributes | Settings>(Attributes, Settings)(AttributesLive),
  slim<Readiness | Settings>(Readiness, Settings)(SystemLive)
)
const Middlewares = Layer.mergeAll(AuthenticationLive, BoundedBodyLive, DeclaredParametersLive, RateLimitLive, SchemaErrorsLive)
const Services = Layer.mergeAll(
  Devices.layer,
  Assets.layer,
  Attributes.layer,
  Import.layer,
  Graph.layer,
  Readiness.layer,
  Exports.layer,
  LatestOfMany.layer,
  Query.layer
).pipe(
  Layer.provideMerge(Layer.mergeAll(History.layer, Buckets.layer, Ingest.layer)),
  Layer.provideMerge(Layer.mergeAll(Access.layer, Telemetry.layer)),
  Layer.provideMerge(ThingsBoard.layer),
  Layer.provideMerge(Layer.mergeAll(Session.layer, Identities.layer))
)

/** A path is the one that it looks like, for the rules of proxies in front of the gateway too: not in capitals, nor with slashes twice. */
const Exact = Layer.succeed(HttpRouter.RouterConfig, { caseSensitive: true, ignoreDuplicateSlashes: false })

/** Every route. The first of the middlewares is the outermost. */
const Routes = Layer.mergeAll(HttpApiBuilder.layer(Api), CorsLive, StraysLive, FailuresLive, BoundsLive, AllowedHostsLive, PagesLive).pipe(
  Layer.provide(Handlers),
  Layer.provide(Middlewares),
  Layer.provide(Services)
)

/** The server that listens on HOST and PORT until its scope closes, then lets requests in flight finish. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const settings = yield* Settings
    const certificates = yield* readCertificates(settings)
    const Listening = BunHttpServer.layer(Routes, {
      port: settings.port,
      hostname: settings.host,
      drain: settings.shutdownTimeout,
      ...(settings.trustedProxies.length === 0 ? {} : { callerAddress: callerAddress(settings.trustedProxies) }),
      headers: certificates.server === undefined ? securityHeaders : { ...securityHeaders, ...onlyHttps },
      ...(certificates.server === undefined ? {} : { tls: certificates.server }),
      // What is too long, but not beyond measure, is read, so that it can be told.
      maxHeadSize: 2 * (settings.maxUrlLength + settings.maxHeaderSize),
      // Imports have no end; every other body is bounded where it is read.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER
    }).pipe(
      Layer.provide(Exact),
      // Not with the routes: what `HttpServer.layerServices` gives those for a file system has no files.
      Layer.provide(Layer.merge(ApiKeys.layer, Layer.provideMerge(Guesses.layer, Limits.layer))),
      Layer.provide(Layer.succeed(Authorities, certificates.thingsBoard)),
      Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(settings.maxBodySize)))
    )
    return Layer.provideMerge(renewal(certificates.server), Listening)
  })
)
