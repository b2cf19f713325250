/** Reads the standard `OTEL_*` variables. OpenTelemetry's SDK reads most of them itself; this module decides whether the SDK is started. */
import { Effect } from "effect"
import { readEnvFile } from "./envFile.ts"
import type { Diagnostics, SettingIssue } from "./resolveSettings.ts"

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

const destination = /^OTEL_EXPORTER_OTLP_(\w+_)?(ENDPOINT|CERTIFICATE|INSECURE)$/
const secret = /^OTEL_EXPORTER_OTLP_(\w+_)?(HEADERS|CLIENT_KEY)$/

/** As for ThingsBoard's password: a `.env` that nobody named must not choose where the headers of the environment are sent. */
const redirectIssues = (found: ReadonlyMap<string, string>, environment: Environment): ReadonlyArray<SettingIssue> => {
  const elsewhere = Object.keys(environment).find((name) => secret.test(name) && valueOf(environment, name) !== undefined)
  if (elsewhere === undefined) return []
  return [...found.keys()]
    .filter((name) => destination.test(name) && valueOf(environment, name) === undefined)
    .map((variable) => ({
      variable,
      issue: `is in .env of the working directory, but ${elsewhere} is not: the file must not choose where a secret is sent. If you trust it, name it with --env-file .env`
    }))
}

/** Checks the variables before anything is exported. */
export const checkOpenTelemetry = Effect.gen(function* () {
  const file = yield* Effect.orElseSucceed(readEnvFile, () => undefined)
  const errors = file === undefined || file.isNamed ? [] : redirectIssues(file.values, process.env)
  return { errors, warnings: [] } satisfies Diagnostics
})

/** Reads the environment and the settings file, and sets in the process's environment the variables that the SDK reads there. */
export const readSignals = Effect.gen(function* () {
  const file = yield* readEnvFile
  const found = [...(file?.values ?? [])].filter(([name]) => name.startsWith("OTEL_"))
  const environment = { ...Object.fromEntries(found), ...process.env }
  const requested = parseSignals(environment)
  if (requested !== undefined) Object.assign(process.env, environment, sdkVariables(environment, requested))
  return requested
})
