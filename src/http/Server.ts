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
import { EventLoop } from "../platform/EventLoop.ts"
import { GcPressure } from "../platform/GcPressure.ts"
import { DeviceAccess } from "../services/access/DeviceAccess.ts"
import { ApiKeys } from "../apikeys/ApiKeys.ts"
import { Assets } from "../services/devices/Assets.ts"
import { Attributes } from "../services/attributes/Attributes.ts"
import { Aggregates } from "../services/telemetry/Aggregates.ts"
import { Devices } from "../services/devices/Devices.ts"
import { Exports } from "../services/telemetry/Exports.ts"
import { InvalidKeyLimit } from "../ratelimit/InvalidKeyLimit.ts"
import { Graph } from "../services/graph/Graph.ts"
import { History } from "../services/telemetry/History.ts"
import { Import } from "../services/ingest/Import.ts"
import { Ingest } from "../services/ingest/Ingest.ts"
import { RateLimits } from "../ratelimit/RateLimits.ts"
import { LatestValues } from "../services/telemetry/LatestValues.ts"
import { TelemetryQuery } from "../services/telemetry/TelemetryQuery.ts"
import { Readiness } from "../services/Readiness.ts"
import { Telemetry } from "../services/telemetry/Telemetry.ts"
import { TrustedCa } from "../thingsboard/transport/TrustedCa.ts"
import { UserSessions } from "../thingsboard/UserSessions.ts"
import { Session } from "../thingsboard/auth/Session.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import { clientAddress } from "./request/clientAddress.ts"
import { AssetsLayer } from "./handlers/Assets.ts"
import { AttributesLayer } from "./handlers/Attributes.ts"
import { DevicesLayer } from "./handlers/Devices.ts"
import { GraphLayer } from "./handlers/Graph.ts"
import { SystemLayer } from "./handlers/System.ts"
import { TelemetryLayer } from "./handlers/Telemetry.ts"
import { AllowedHostsLayer } from "./middleware/AllowedHosts.ts"
import { AuthenticationLayer } from "./middleware/Authentication.ts"
import { BoundedBodyLayer } from "./middleware/BoundedBody.ts"
import { RequestSizeLayer } from "./middleware/RequestSize.ts"
import { CorsLayer } from "./middleware/Cors.ts"
import { DeclaredParametersLayer } from "./middleware/DeclaredParameters.ts"
import { ErrorResponsesLayer } from "./middleware/ErrorResponses.ts"
import { KeyAndDeviceLimitsLayer } from "./middleware/KeyAndDeviceLimits.ts"
import { RateLimitLayer } from "./middleware/RateLimit.ts"
import { SchemaErrorsLayer } from "./middleware/SchemaErrors.ts"
import { UnmatchedRequestsLayer } from "./middleware/UnmatchedRequests.ts"
import { PagesLayer } from "./pages/Pages.ts"
import { minimalContext } from "./minimalContext.ts"
import { certificateReload } from "./certificateReload.ts"
import { onlyHttps, securityHeaders } from "./response/securityHeaders.ts"

const Handlers = Layer.mergeAll(
  minimalContext<Devices>(Devices)(DevicesLayer),
  minimalContext<Assets>(Assets)(AssetsLayer),
  minimalContext<Graph>(Graph)(GraphLayer),
  minimalContext<Telemetry | Exports | LatestValues | TelemetryQuery | Ingest | Import | Settings>(
    Telemetry,
    Exports,
    LatestValues,
    TelemetryQuery,
    Ingest,
    Import,
    Settings
  )(TelemetryLayer),
  minimalContext<Attributes | Settings>(Attributes, Settings)(AttributesLayer),
  minimalContext<Readiness | Settings>(Readiness, Settings)(SystemLayer)
)
const Middlewares = Layer.mergeAll(
  AuthenticationLayer,
  BoundedBodyLayer,
  DeclaredParametersLayer,
  KeyAndDeviceLimitsLayer,
  RateLimitLayer,
  SchemaErrorsLayer
)
const Services = Layer.mergeAll(
  Devices.layer,
  Assets.layer,
  Attributes.layer,
  Import.layer,
  Graph.layer,
  Readiness.layer,
  Exports.layer,
  LatestValues.layer,
  TelemetryQuery.layer
).pipe(
  Layer.provideMerge(Layer.mergeAll(History.layer, Aggregates.layer, Ingest.layer)),
  Layer.provideMerge(Layer.mergeAll(DeviceAccess.layer, Telemetry.layer)),
  Layer.provideMerge(ThingsBoard.layer),
  Layer.provideMerge(Layer.mergeAll(Session.layer, UserSessions.layer)),
  Layer.provideMerge(Layer.mergeAll(EventLoop.layer, GcPressure.layer))
)

/** A path is the one that it looks like, for the rules of proxies in front of the gateway too: not in capitals, nor with slashes twice. */
const Exact = Layer.succeed(HttpRouter.RouterConfig, { caseSensitive: true, ignoreDuplicateSlashes: false })

/** Every route. The first of the middlewares is the outermost. */
const Routes = Layer.mergeAll(
  HttpApiBuilder.layer(Api),
  CorsLayer,
  UnmatchedRequestsLayer,
  ErrorResponsesLayer,
  RequestSizeLayer,
  AllowedHostsLayer,
  PagesLayer
).pipe(Layer.provide(Handlers), Layer.provide(Middlewares), Layer.provide(Services))

/** The server that listens on HOST and PORT until its scope closes, then lets requests in flight finish. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const settings = yield* Settings
    const certificates = yield* readCertificates(settings)
    const Listening = BunHttpServer.layer(Routes, {
      port: settings.port,
      hostname: settings.host,
      drain: settings.shutdownTimeout,
      ...(settings.trustedProxies.length === 0 ? {} : { clientAddress: clientAddress(settings.trustedProxies) }),
      headers: certificates.server === undefined ? securityHeaders : { ...securityHeaders, ...onlyHttps },
      ...(certificates.server === undefined ? {} : { tls: certificates.server }),
      // What is too long, but not beyond measure, is read, so that it can be told.
      maxHeadSize: 2 * (settings.maxUrlLength + settings.maxHeaderSize),
      // Imports have no end; every other body is bounded where it is read.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER
    }).pipe(
      Layer.provide(Exact),
      // Not with the routes: what `HttpServer.layerServices` gives those for a file system has no files.
      Layer.provide(Layer.merge(ApiKeys.layer, Layer.provideMerge(InvalidKeyLimit.layer, RateLimits.layer))),
      Layer.provide(Layer.succeed(TrustedCa, certificates.thingsBoard)),
      Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(settings.maxBodySize)))
    )
    return Layer.provideMerge(certificateReload(certificates.server), Listening)
  })
)
