/**
 * Logs to the console, and OpenTelemetry when the standard `OTEL_*` variables ask for it.
 * Without them nothing of OpenTelemetry is loaded, Effect's native tracer stays, and a request has no span.
 */
import { Effect, Layer } from "effect"
import { HttpMiddleware, UrlParams } from "effect/http"
import { readSignals } from "../config/OpenTelemetry.ts"
import { uuidPattern } from "../domain/Ids.ts"
import * as Logs from "./Logs.ts"

/** Asked by machines every few seconds; their spans would hide the others. */
const untraced = new Set(["/health", "/api/v1/health", "/ready", "/metrics"])

const uuid = new RegExp(uuidPattern, "g")

/** A span is named before its route is known; ids would give every device a name of its own. */
const spanName = ({ method, url }: { readonly method: string; readonly url: string }) =>
  `${method} ${url.split("?", 1)[0]!.replaceAll(uuid, "{id}")}`

/** No key belongs into a query, but some callers put it there, and a span has the whole address. The framework's own list is for signed ones. */
const secretParameter = /key$|token|secret|passw|auth|credential|signature|^sig$/i

/** A key of the gateway's own in an address, under whatever name or in the path: such a request has no span at all. */
const mintedKey = /bw_[0-9A-Za-z]{46}/

/** How a request appears in a trace. */
export const SpansLayer = Layer.mergeAll(
  Layer.succeed(UrlParams.CurrentRedactedNames, [secretParameter]),
  Layer.succeed(HttpMiddleware.TracerDisabledWhen, ({ url }) => untraced.has(url.split("?", 1)[0]!) || mintedKey.test(url)),
  Layer.succeed(HttpMiddleware.SpanNameGenerator, spanName)
)

const ExportLayer = Layer.unwrap(
  Effect.gen(function* () {
    const asked = yield* readSignals
    if (asked === undefined) return Layer.empty
    const OpenTelemetry = yield* Effect.promise(() => import("./OpenTelemetry.ts"))
    return Layer.mergeAll(OpenTelemetry.makeOpenTelemetryLayer(asked), SpansLayer)
  })
)

export const layer = ExportLayer.pipe(Layer.provideMerge(Logs.layer))
