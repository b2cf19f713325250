/** Reads the standard `OTEL_*` variables. OpenTelemetry's SDK reads most of them itself; this module decides whether the SDK is started. */
import { Effect } from "effect"
import { readDotEnv } from "./Settings.ts"

export type Environment = Readonly<Record<string, string | undefined>>

/** The exporters per signal, `otlp` or `console`. An empty list exports nothing. */
export interface Signals {
  readonly traces: ReadonlyArray<string>
  readonly metrics: ReadonlyArray<string>
  readonly logs: ReadonlyArray<string>
  readonly metricsProtocol: string
  /** Milliseconds between exports of metrics. */
  readonly metricsInterval: number
}

const valueOf = (environment: Environment, name: string) => environment[name]?.trim() || undefined

const exportersOf = (environment: Environment, signal: "TRACES" | "METRICS" | "LOGS"): ReadonlyArray<string> => {
  const list = valueOf(environment, `OTEL_${signal}_EXPORTER`)
  const names = list?.split(",").map((name) => name.trim()) ?? []
  if (names.includes("none")) return []
  if (list !== undefined) return names.filter((name) => name !== "")
  const endpoint = valueOf(environment, "OTEL_EXPORTER_OTLP_ENDPOINT") ?? valueOf(environment, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`)
  return endpoint === undefined ? [] : ["otlp"]
}

/** Undefined if nothing is exported: the SDK is not even loaded then. */
export const parseSignals = (environment: Environment): Signals | undefined => {
  if (valueOf(environment, "OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined
  const readSignals = {
    traces: exportersOf(environment, "TRACES"),
    metrics: exportersOf(environment, "METRICS"),
    logs: exportersOf(environment, "LOGS"),
    metricsProtocol:
      valueOf(environment, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL") ?? valueOf(environment, "OTEL_EXPORTER_OTLP_PROTOCOL") ?? "http/protobuf",
    metricsInterval: Number(valueOf(environment, "OTEL_METRIC_EXPORT_INTERVAL")) || 60_000
  }
  return readSignals.traces.length + readSignals.metrics.length + readSignals.logs.length > 0 ? readSignals : undefined
}

/** Overrides two defaults of the SDK: exporting signals that were not requested, and reporting the process's arguments and host. */
const sdkVariables = (environment: Environment, signals: Signals) => ({
  OTEL_TRACES_EXPORTER: signals.traces.join(",") || "none",
  OTEL_METRICS_EXPORTER: signals.metrics.join(",") || "none",
  OTEL_LOGS_EXPORTER: signals.logs.join(",") || "none",
  OTEL_NODE_RESOURCE_DETECTORS: valueOf(environment, "OTEL_NODE_RESOURCE_DETECTORS") ?? "env",
  ...(/(^|,)\s*service\.name=/.test(valueOf(environment, "OTEL_RESOURCE_ATTRIBUTES") ?? "")
    ? {}
    : { OTEL_SERVICE_NAME: valueOf(environment, "OTEL_SERVICE_NAME") ?? "boardwalk" })
})

/** Reads the environment and `.env`, and sets in the process's environment the variables that the SDK reads there. */
export const readSignals = Effect.gen(function* () {
  const file = [...(yield* readDotEnv)].filter(([name]) => name.startsWith("OTEL_"))
  const environment = { ...Object.fromEntries(file), ...process.env }
  const requested = parseSignals(environment)
  if (requested !== undefined) Object.assign(process.env, environment, sdkVariables(environment, requested))
  return requested
})
