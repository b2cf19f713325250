/** What the standard `OTEL_*` variables ask for. OpenTelemetry's SDK reads most of them itself; here is decided whether it is started at all. */
import { Effect } from "effect"
import { readDotEnv } from "./Settings.ts"

export type Environment = Readonly<Record<string, string | undefined>>

/** The exporters of each signal: `otlp`, `console`; an empty list exports nothing. */
export interface Signals {
  readonly traces: ReadonlyArray<string>
  readonly metrics: ReadonlyArray<string>
  readonly logs: ReadonlyArray<string>
  readonly metricsProtocol: string
  /** Milliseconds between two exports of metrics. */
  readonly metricsInterval: number
}

const given = (environment: Environment, name: string) => environment[name]?.trim() || undefined

const exportersOf = (environment: Environment, signal: "TRACES" | "METRICS" | "LOGS"): ReadonlyArray<string> => {
  const named = given(environment, `OTEL_${signal}_EXPORTER`)
  const names = named?.split(",").map((name) => name.trim()) ?? []
  if (names.includes("none")) return []
  if (named !== undefined) return names.filter((name) => name !== "")
  const endpoint = given(environment, "OTEL_EXPORTER_OTLP_ENDPOINT") ?? given(environment, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`)
  return endpoint === undefined ? [] : ["otlp"]
}

/** Undefined when nothing is to be exported: the SDK is not even loaded then. */
export const parseSignals = (environment: Environment): Signals | undefined => {
  if (given(environment, "OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined
  const readSignals = {
    traces: exportersOf(environment, "TRACES"),
    metrics: exportersOf(environment, "METRICS"),
    logs: exportersOf(environment, "LOGS"),
    metricsProtocol:
      given(environment, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL") ?? given(environment, "OTEL_EXPORTER_OTLP_PROTOCOL") ?? "http/protobuf",
    metricsInterval: Number(given(environment, "OTEL_METRIC_EXPORT_INTERVAL")) || 60_000
  }
  return readSignals.traces.length + readSignals.metrics.length + readSignals.logs.length > 0 ? readSignals : undefined
}

/** What the SDK would do by itself and is not wanted: export signals nobody asked for, and tell the process's arguments and host. */
const completed = (environment: Environment, signals: Signals) => ({
  OTEL_TRACES_EXPORTER: signals.traces.join(",") || "none",
  OTEL_METRICS_EXPORTER: signals.metrics.join(",") || "none",
  OTEL_LOGS_EXPORTER: signals.logs.join(",") || "none",
  OTEL_NODE_RESOURCE_DETECTORS: given(environment, "OTEL_NODE_RESOURCE_DETECTORS") ?? "env",
  ...(/(^|,)\s*service\.name=/.test(given(environment, "OTEL_RESOURCE_ATTRIBUTES") ?? "")
    ? {}
    : { OTEL_SERVICE_NAME: given(environment, "OTEL_SERVICE_NAME") ?? "boardwalk" })
})

/** Reads the environment and `.env`, and leaves in the process's environment what the SDK is to find there. */
export const readSignals = Effect.gen(function* () {
  const file = [...(yield* readDotEnv)].filter(([name]) => name.startsWith("OTEL_"))
  const environment = { ...Object.fromEntries(file), ...process.env }
  const asked = parseSignals(environment)
  if (asked !== undefined) Object.assign(process.env, environment, completed(environment, asked))
  return asked
})
