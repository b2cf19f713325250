/**
 * Logs to the console, and exports to OpenTelemetry if the standard `OTEL_*` variables request it.
 * Without them, OpenTelemetry is not loaded, Effect's native tracer is used, and requests have no spans.
 */
import { Effect, Layer } from "effect"
import { HttpMiddleware, UrlParams } from "effect/http"
import { readSignals } from "../config/OpenTelemetry.ts"
import { uuidPattern } from "../domain/Ids.ts"
import * as Logs from "./Logs.ts"

/** Requested by machines every few seconds; their spans would bury the others. */
const untraced = new Set(["/health", "/api/v1/health", "/ready", "/metrics"])

const uuid = new RegExp(uuidPattern, "g")

/** A span is named before its route is known. Ids are replaced, since they would give every device its own span name. */
const spanName = ({ method, url }: { readonly method: string; readonly url: string }) =>
  `${method} ${url.split("?", 1)[0]!.replaceAll(uuid, "{id}")}`

/** A key does not belong in a query, but some callers put it there, and a span records the whole URL. The framework's default list covers signed URLs only. */
const secretParameter = /key$|token|secret|passw|auth|credential|signature|^sig$/i

/** A request with one of the gateway's keys anywhere in its URL gets no span at all. */
const generatedKey = /bw_[0-9A-Za-z]{46}/

/** How requests appear in traces. */
export const SpansLayer = Layer.mergeAll(
  Layer.succeed(UrlParams.CurrentRedactedNames, [secretParameter]),
  Layer.succeed(HttpMiddleware.TracerDisabledWhen, ({ url }) => untraced.has(url.split("?", 1)[0]!) || generatedKey.test(url)),
  Layer.succeed(HttpMiddleware.SpanNameGenerator, spanName)
)

const ExportLayer = Layer.unwrap(
  Effect.gen(function* () {
    const requested = yield* readSignals
    if (requested === undefined) return Layer.empty
    const OpenTelemetry = yield* Effect.promise(() => import("./OpenTelemetry.ts"))
    return Layer.mergeAll(OpenTelemetry.makeLayer(requested), SpansLayer)
  })
)

export const layer = ExportLayer.pipe(Layer.provideMerge(Logs.layer))
