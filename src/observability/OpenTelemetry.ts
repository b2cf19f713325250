/** Connects OpenTelemetry's Node SDK to Effect's tracer, loggers and metrics. Loaded only if something is exported. */
import { OtelLogger, OtelMetrics, OtelTracer, Resource } from "@effect/opentelemetry"
import { context, propagation, trace } from "@opentelemetry/api"
import { logs } from "@opentelemetry/api-logs"
import { ConsoleMetricExporter, PeriodicExportingMetricReader, type PushMetricExporter } from "@opentelemetry/sdk-metrics"
import { NodeSDK } from "@opentelemetry/sdk-node"
import { LoggerProvider } from "@opentelemetry/sdk-logs"
import { Effect, Layer } from "effect"
import type { Signals } from "../config/OpenTelemetry.ts"

const maxShutdown = "3 seconds"

/** Exporters, protocols, samplers, limits and the resource are configured by the environment. */
const SdkLayer = Layer.effectDiscard(
  Effect.acquireRelease(
    Effect.sync(() => {
      const sdk = new NodeSDK({ instrumentations: [], metricReaders: [] })
      sdk.start()
      return sdk
    }),
    (sdk) =>
      Effect.tryPromise(() => sdk.shutdown()).pipe(
        Effect.interruptible, // a release is uninterruptible, and an unreachable collector would delay it by ten seconds
        Effect.timeoutOption(maxShutdown),
        Effect.ignore,
        Effect.andThen(
          Effect.sync(() => {
            for (const api of [trace, context, propagation, logs]) api.disable()
          })
        )
      )
  )
)

/** The SDK registers its providers globally, where Effect's layers find them. */
const LogsLayer = OtelLogger.layer({ mergeWithExisting: true }).pipe(
  Layer.provide(
    Layer.effect(
      OtelLogger.OtelLoggerProvider,
      Effect.suspend(() => {
        const provider = logs.getLoggerProvider()
        return provider instanceof LoggerProvider
          ? Effect.succeed(provider)
          : Effect.die("OpenTelemetry's SDK did not start its logger provider")
      })
    )
  )
)

const loadOtlpMetricExporter = (protocol: string): Promise<{ readonly OTLPMetricExporter: new () => PushMetricExporter }> => {
  if (protocol === "grpc") return import("@opentelemetry/exporter-metrics-otlp-grpc")
  if (protocol === "http/json") return import("@opentelemetry/exporter-metrics-otlp-http")
  return import("@opentelemetry/exporter-metrics-otlp-proto")
}

/** Effect's metrics do not go through the Node SDK, so they get their own readers. */
const makeMetricsLayer = ({ metrics, metricsInterval, metricsProtocol }: Signals) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const exporters: Array<PushMetricExporter> = []
      if (metrics.includes("console")) exporters.push(new ConsoleMetricExporter())
      if (metrics.includes("otlp")) {
        const { OTLPMetricExporter } = yield* Effect.promise(() => loadOtlpMetricExporter(metricsProtocol))
        exporters.push(new OTLPMetricExporter())
      }
      const [first, ...others] = exporters.map(
        (exporter) =>
          new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: metricsInterval, exportTimeoutMillis: metricsInterval })
      )
      if (first === undefined) return Layer.empty
      return OtelMetrics.layer(() => [first, ...others], { shutdownTimeout: maxShutdown }).pipe(Layer.provide(Resource.layerFromEnv()))
    })
  )

export const makeLayer = (signals: Signals) =>
  Layer.mergeAll(signals.traces.length > 0 ? OtelTracer.layerGlobal : Layer.empty, signals.logs.length > 0 ? LogsLayer : Layer.empty).pipe(
    Layer.provide(SdkLayer),
    Layer.merge(makeMetricsLayer(signals))
  )
