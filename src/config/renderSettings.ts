/** The table of settings in the forms people read: `.env.sample`, Markdown, `config show`. */
import type { ResolvedSetting, SettingDefinition } from "./resolveSettings.ts"
import { definitions } from "./Settings.ts"

const table: Record<string, SettingDefinition> = definitions
const sections = [...new Set(Object.values(table).map(({ section }) => section))]
const rowsOf = (section: string) => Object.entries(table).filter(([, row]) => row.section === section)

const openTelemetry = [
  "The OTEL_* variables are OpenTelemetry's own: nothing is exported unless they ask for it,",
  "for instance OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318. See docs/settings.md."
]

const sampleLine = (variable: string, row: SettingDefinition) =>
  row.uncommentedInSample ? `${variable}=` : `# ${variable}=${row.example ?? (row.defaultDescription ? "" : (row.default ?? ""))}`

/** A commented `.env` that lists every variable; what stands without `#` has to be filled in. */
export const renderEnvSample = (): string =>
  [
    "# Settings of Boardwalk. Copy to .env; variables of the real environment win over this file.",
    ...sections.flatMap((section) => [
      "",
      `## ${section}`,
      ...rowsOf(section).flatMap(([variable, row]) => [`# ${row.doc}`, sampleLine(variable, row)])
    ]),
    "",
    "## OpenTelemetry",
    ...openTelemetry.map((line) => `# ${line}`),
    ""
  ].join("\n")

const defaultCell = (row: SettingDefinition) => {
  if (row.required) return "*required*"
  if (row.defaultDescription) return row.defaultDescription
  return row.default ? `\`${row.default}\`` : ""
}

const escaped = (cell: string) => cell.replaceAll("|", "\\|")

const sectionTable = (section: string) =>
  `## ${section}

| variable | default | what it sets |
| --- | --- | --- |
${rowsOf(section)
  .map(([variable, row]) => `| \`${variable}\` | ${escaped(defaultCell(row))} | ${escaped(row.doc)} |\n`)
  .join("")}`

/** The reference of all settings. */
export const renderMarkdown = (): string =>
  [
    "# Settings",
    "",
    "Boardwalk is configured by environment variables. A file `.env` in the working directory is read below them: what the environment has wins.",
    "An empty value counts as absent; one of blanks alone is a fault. Times are written as `500ms`, `10s`, `2m`, `1h`, or as plain seconds; lists with commas between.",
    "",
    "`boardwalk config show` prints what is in effect and where it comes from, secrets hidden; `boardwalk config sample` prints a `.env` to start from.",
    "All faults of a configuration are reported together, with those of the certificates and the file of keys that it names, and nothing starts before they are mended.",
    "",
    "One way to log in to ThingsBoard must be given: `TB_USERNAME` and `TB_PASSWORD`, or `TB_API_KEY`.",
    "",
    ...sections.map(sectionTable),
    "## OpenTelemetry",
    "",
    "Traces, metrics and logs are exported when the [standard variables](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) ask for it, else not at all.",
    "They are read from the environment and from `.env` alike.",
    "",
    "| variable | what it does here |",
    "| --- | --- |",
    "| `OTEL_EXPORTER_OTLP_ENDPOINT` | turns traces, metrics and logs on; the form `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` turns one of them on |",
    "| `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER` | `otlp`, `console` or `none`, for one of them |",
    "| `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf` (default), `http/json` or `grpc` |",
    "| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | who sends; the name is `boardwalk` when nothing is said |",
    "| `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | which traces are kept; every kept trace costs some 30 µs a request |",
    "| `OTEL_SDK_DISABLED=true` | turns all of it off |",
    "",
    "The others of the specification (headers, timeouts, batch sizes, limits) hold as it says.",
    ""
  ].join("\n")

const shown = ({ definition: row, text }: ResolvedSetting) => {
  if (text === undefined || text === "") return row.defaultDescription ? `(${row.defaultDescription})` : ""
  return row.secret ? "(hidden)" : text.replace(/:\/\/\S*@/, "://(hidden)@")
}

/** What is in effect: a line a variable with value, origin and fault; no secret. */
export const effectiveSettings = (
  readings: ReadonlyArray<ResolvedSetting>
): ReadonlyArray<{
  readonly variable: string
  readonly value: string
  readonly from: ResolvedSetting["from"]
  readonly issue: string | undefined
}> => readings.map((reading) => ({ variable: reading.variable, value: shown(reading), from: reading.from, issue: reading.issue }))
