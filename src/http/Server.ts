/**
 * Assembles the server: the API with its handlers and middlewares, and the pages, on one port. This folder translates between HTTP and the
 * services. What Boardwalk does is in `services`, and must not depend on HTTP.
 */
import { ByteSize, Context, Duration, Effect, Layer } from "effect"
import { HttpIncomingMessage, HttpRouter } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { PublicUrl } from "../api/defineProblem.ts"
import { readCertificates } from "../config/Certificates.ts"
import { Settings } from "../config/Settings.ts"
import { makeMemoryBudgets } from "../overload/memoryBudgets.ts"
import { Overload } from "../overload/Overload.ts"
import * as BunHttpServer from "../platform/BunHttpServer.ts"
import { EventLoop } from "../platform/EventLoop.ts"
import { Shutdown } from "../platform/shutdown.ts"
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
import { Idempotency } from "../idempotency/Idempotency.ts"
import { History } from "../services/telemetry/History.ts"
import { Import } from "../services/ingest/Import.ts"
import { Ingest } from "../services/ingest/Ingest.ts"
import * as Delivery from "../services/queued/Delivery.ts"
import { QueuedUploads } from "../services/queued/QueuedUploads.ts"
import { UploadSpool } from "../services/queued/UploadSpool.ts"
import { RateLimits } from "../ratelimit/RateLimits.ts"
import { LatestValues } from "../services/telemetry/LatestValues.ts"
import { TelemetryQuery } from "../services/telemetry/TelemetryQuery.ts"
import { Readiness } from "../services/Readiness.ts"
import { Telemetry } from "../services/telemetry/Telemetry.ts"
import { TrustedCa } from "../thingsboard/transport/TrustedCa.ts"
import { UserSessions } from "../thingsboard/UserSessions.ts"
import { CurrentSecretSource, type SecretSource } from "../thingsboard/auth/SecretSource.ts"
import { Session } from "../thingsboard/auth/Session.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import { addAuthentication } from "./CurrentAuthentication.ts"
import { CurrentRepeatedEvents, makeRepeatedEvents } from "./logging/RepeatedEvents.ts"
import { clientAddress } from "./request/clientAddress.ts"
import { makeTraceTrust } from "./request/traceTrust.ts"
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
import { IdempotencyLayer } from "./middleware/Idempotency.ts"
import { KeyAndDeviceLimitsLayer } from "./middleware/KeyAndDeviceLimits.ts"
import { LoadSheddingLayer } from "./middleware/LoadShedding.ts"
import { RateLimitLayer } from "./middleware/RateLimit.ts"
import { SchemaErrorsLayer } from "./middleware/SchemaErrors.ts"
import { UnmatchedRequestsLayer } from "./middleware/UnmatchedRequests.ts"
import * as StartupCheck from "../services/startupCheck.ts"
import { PagesLayer } from "./pages/Pages.ts"
import { minimalContext } from "./minimalContext.ts"
import { DirectRoutes, DirectRoutesLayer } from "./direct/DirectRoutes.ts"
import { certificateReload } from "./certificateReload.ts"
import { secretReload } from "./secretReload.ts"
import { strictTransportSecurity, securityHeaders } from "./response/securityHeaders.ts"

const Handlers = Layer.mergeAll(
  minimalContext<Devices>(Devices)(DevicesLayer),
  minimalContext<Assets>(Assets)(AssetsLayer),
  minimalContext<Graph>(Graph)(GraphLayer),
  minimalContext<
    Telemetry | Exports | LatestValues | TelemetryQuery | Ingest | Import | QueuedUploads | DeviceAccess | EventLoop | Settings
  >(
    Telemetry,
    Exports,
    LatestValues,
    TelemetryQuery,
    Ingest,
    Import,
    QueuedUploads,
    DeviceAccess,
    EventLoop,
    Settings
  )(TelemetryLayer),
  minimalContext<Attributes | DeviceAccess | EventLoop | Settings>(Attributes, DeviceAccess, EventLoop, Settings)(AttributesLayer),
  minimalContext<Readiness | Settings>(Readiness, Settings)(SystemLayer)
)
const Middlewares = Layer.mergeAll(
  AuthenticationLayer,
  BoundedBodyLayer,
  DeclaredParametersLayer,
  IdempotencyLayer.pipe(Layer.provide(Idempotency.layer)),
  KeyAndDeviceLimitsLayer,
  RateLimitLayer,
  SchemaErrorsLayer
)
const Services = Layer.mergeAll(
  Devices.layer,
  Assets.layer,
  Attributes.layer,
  Delivery.layer,
  QueuedUploads.layer,
  Graph.layer,
  Readiness.layer,
  Exports.layer,
  LatestValues.layer,
  TelemetryQuery.layer
).pipe(
  Layer.provideMerge(Import.layer),
  Layer.provideMerge(Layer.mergeAll(History.layer, Aggregates.layer, Ingest.layer)),
  Layer.provideMerge(Layer.mergeAll(DeviceAccess.layer, Telemetry.layer)),
  Layer.provideMerge(ThingsBoard.layer),
  Layer.provideMerge(Layer.mergeAll(Session.layer, UserSessions.layer)),
  Layer.provideMerge(Layer.mergeAll(EventLoop.layer, GcPressure.layer))
)

/** Paths match exactly, without other letter case or doubled slashes, so that path rules of a proxy in front of the gateway cannot be bypassed. */
const ExactPaths = Layer.succeed(HttpRouter.RouterConfig, { caseSensitive: true, ignoreDuplicateSlashes: false })

export { ChecksThingsBoardAtStart } from "../services/startupCheck.ts"

/** Every route. The first global middleware is the outermost one. */
const Routes = Layer.mergeAll(
  HttpApiBuilder.layer(Api),
  CorsLayer,
  UnmatchedRequestsLayer,
  ErrorResponsesLayer,
  LoadSheddingLayer,
  RequestSizeLayer,
  AllowedHostsLayer,
  PagesLayer,
  StartupCheck.layer,
  DirectRoutesLayer
).pipe(Layer.provide(Handlers), Layer.provide(Middlewares), Layer.provide(Services), Layer.provide(Overload.layer))

/** Listens on HOST and PORT until the scope closes, then lets requests in flight finish. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const settings = yield* Settings
    const certificates = yield* readCertificates(settings)
    const repeatedEvents = settings.logRepeatedEvents === "each" ? undefined : yield* makeRepeatedEvents
    const references = Context.make(CurrentRepeatedEvents, repeatedEvents).pipe(Context.add(PublicUrl, settings.publicUrl ?? ""))
    const memory = makeMemoryBudgets(settings, (yield* GcPressure).discard)
    const shutdown = yield* Shutdown
    const secretSource: SecretSource = { current: undefined, onChange: undefined }
    const direct = yield* DirectRoutes
    const makeOptions = (keys: ApiKeys["Service"]): BunHttpServer.Options => ({
      port: settings.port,
      hostname: settings.host,
      maxReaderSilence: Duration.toMillis(settings.responseIdleTimeout),
      shutdown: { delay: settings.drainDelay, drain: settings.shutdownTimeout, state: shutdown },
      ...(settings.trustedProxies.length === 0 ? {} : { clientAddress: clientAddress(settings.trustedProxies) }),
      references,
      direct,
      continuesTrace: makeTraceTrust(settings, keys),
      addRequestState: addAuthentication,
      headers: certificates.server === undefined ? securityHeaders : { ...securityHeaders, ...strictTransportSecurity },
      ...(certificates.server === undefined ? {} : { tls: certificates.server }),
      // Bun rejects larger heads without a body. Up to twice the limits they are read, so that the response can name the limit.
      maxHeadSize: 2 * (settings.maxUrlLength + settings.maxHeaderSize),
      // Imports may be of any length. The size of every other body is checked where it is read.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      memory
    })
    const Listening = Layer.unwrap(Effect.map(ApiKeys, (keys) => BunHttpServer.layer(Routes, makeOptions(keys)))).pipe(
      Layer.provide(ExactPaths),
      // Not provided to the routes: the file system that `HttpServer.layerServices` gives to those has no files.
      Layer.provide(Layer.mergeAll(ApiKeys.layer, UploadSpool.layer, Layer.provideMerge(InvalidKeyLimit.layer, RateLimits.layer))),
      Layer.provide(Layer.succeed(TrustedCa, certificates.thingsBoard)),
      Layer.provide(Layer.succeed(CurrentSecretSource, secretSource)),
      Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(settings.maxBodySize)))
    )
    return Layer.provideMerge(Layer.merge(certificateReload(certificates.server), secretReload(secretSource)), Listening)
  })
).pipe(Layer.provide(Layer.mergeAll(GcPressure.layer, Shutdown.layer, DirectRoutes.layer)))
