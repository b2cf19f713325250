/** Renders the table of settings as `.env.sample`, as Markdown, and for `config show`. */
import type { ResolvedSetting, SettingDefinition } from "./resolveSettings.ts"
import { definitions, secretVariables } from "./Settings.ts"

const table: Record<string, SettingDefinition> = definitions
const sections = [...new Set(Object.values(table).map(({ section }) => section))]
const definitionsIn = (section: string) => Object.entries(table).filter(([, definition]) => definition.section === section)

const openTelemetry = [
  "The standard OTEL_* variables configure OpenTelemetry. Nothing is exported unless they request it,",
  "for instance with OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318. See docs/settings.md."
]

const secretFileLines = [
  "A secret can also be in a file of its own, which a variable with _FILE at the end of its name points to:",
  `${secretVariables.map((variable) => `${variable}_FILE`).join(", ")}.`
]

const sampleLine = (variable: string, definition: SettingDefinition) =>
  definition.uncommentedInSample
    ? `${variable}=`
    : `# ${variable}=${definition.example ?? (definition.defaultDescription ? "" : (definition.default ?? ""))}`

/** A commented `.env` that lists every variable. Those without `#` have to be filled in. */
export const renderEnvSample = (): string =>
  [
    "# Boardwalk's settings. Copy this file to .env, which only you should be able to read. Environment variables win over it.",
    ...secretFileLines.map((line) => `# ${line}`),
    ...sections.flatMap((section) => [
      "",
      `## ${section}`,
      ...definitionsIn(section).flatMap(([variable, definition]) => [`# ${definition.doc}`, sampleLine(variable, definition)])
    ]),
    "",
    "## OpenTelemetry",
    ...openTelemetry.map((line) => `# ${line}`),
    ""
  ].join("\n")

const defaultCell = (definition: SettingDefinition) => {
  if (definition.required) return "*required*"
  if (definition.defaultDescription) return definition.defaultDescription
  return definition.default ? `\`${definition.default}\`` : ""
}

const escaped = (cell: string) => cell.replaceAll("|", "\\|")

const sectionTable = (section: string) =>
  `## ${section}

| variable | default | description |
| --- | --- | --- |
${definitionsIn(section)
  .map(([variable, definition]) => `| \`${variable}\` | ${escaped(defaultCell(definition))} | ${escaped(definition.doc)} |\n`)
  .join("")}`

/** The reference of all settings, docs/settings.md. */
export const renderMarkdown = (): string =>
  [
    "# Settings",
    "",
    "Boardwalk is configured by environment variables. It also reads a settings file, `.env` in the working directory; environment variables win over it.",
    "An empty value counts as absent; a blank one is an error. Durations are written as `500ms`, `10s`, `2m`, `1h`, or in plain seconds; list items are separated by commas.",
    "",
    "`boardwalk config show` prints the settings in effect and where each comes from, with secrets hidden. `boardwalk config sample` prints a `.env` to start from.",
    "All errors of a configuration are reported together, including those of the certificates and the key file that it names. The gateway does not start until they are fixed.",
    "",
    "Every command accepts `--env-file <path>`, for another settings file, which must exist, and `--no-env-file`, for none. `config show`, `doctor` and the log at start name the file in use.",
    "A `.env` that was not named must be safe from other users: it is refused if it, its link or its folder belongs to another user (root aside), if its group or others can write it, or if others can write its folder (without the sticky bit).",
    "It must not choose where secrets are sent that it does not contain: `TB_HOST` in such a `.env` and the password in the environment or in a file is an error. Both rules end with `--env-file .env`, which says that you trust the file.",
    "",
    `A secret can be in a file of its own, for instance a Docker or Kubernetes secret: ${secretVariables.map((variable) => `\`${variable}_FILE\``).join(", ")} and \`BOARDWALK_KEY_FILE\` name a file`,
    "with the value; a final line break is dropped. A secret that is given in both ways, and a file that is missing, empty, larger than 64 KiB or not readable, is an error. A file that every user of the machine can read is a warning.",
    "",
    "One way to log in to ThingsBoard is required: `TB_USERNAME` and `TB_PASSWORD`, or `TB_API_KEY`.",
    "",
    ...sections.map(sectionTable),
    "## OpenTelemetry",
    "",
    "Traces, metrics and logs are exported only if the [standard variables](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) request it.",
    "They are read from the environment and from `.env`.",
    "",
    "| variable | effect |",
    "| --- | --- |",
    "| `OTEL_EXPORTER_OTLP_ENDPOINT` | turns on traces, metrics and logs; `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and the like turn on one of them |",
    "| `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER` | the exporter of one of them: `otlp`, `console` or `none` |",
    "| `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf` (default), `http/json` or `grpc` |",
    "| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | the name and attributes of the service; the default name is `boardwalk` |",
    "| `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | which traces are sampled; each sampled trace costs about 30 µs per request |",
    "| `OTEL_SDK_DISABLED=true` | turns off all of it |",
    "",
    "The other variables (headers, timeouts, batch sizes, limits) work as the specification says.",
    ""
  ].join("\n")

const displayValue = ({ definition, file, text }: ResolvedSetting) => {
  if (file !== undefined) return "(hidden, in a file)"
  if (text === undefined || text === "") return definition.defaultDescription ? `(${definition.defaultDescription})` : ""
  return definition.secret ? "(hidden)" : text.replace(/:\/\/\S*@/, "://(hidden)@")
}

/** The settings in effect, one line per variable with its value, source and issue. Secrets are hidden. */
export const effectiveSettings = (
  settings: ReadonlyArray<ResolvedSetting>
): ReadonlyArray<{
  readonly variable: string
  readonly value: string
  readonly from: ResolvedSetting["from"]
  readonly issue: string | undefined
}> => settings.map((setting) => ({ variable: setting.variable, value: displayValue(setting), from: setting.from, issue: setting.issue }))
