import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { readEnvFile } from "../config/envFile.ts"
import { effectiveSettings, renderEnvSample } from "../config/renderSettings.ts"
import { allIssues, InvalidSettings, readSettings } from "../config/Settings.ts"
import { escapeControls, toJson } from "../observability/escapeControls.ts"
import { json } from "./flags.ts"

const show = Command.make(
  "show",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const settings = yield* readSettings()
    const envFile = yield* readEnvFile
    const lines = effectiveSettings(settings)
    const issues = allIssues(settings)
    if (json) yield* Console.log(toJson({ env_file: envFile?.path ?? null, settings: lines, faults: issues }))
    else {
      const width = Math.max(...lines.map(({ variable }) => variable.length))
      for (const { from, value, variable } of lines) {
        yield* Console.log(escapeControls(`${variable.padEnd(width)}  ${value.padEnd(28)}  ${from}`.trimEnd()))
      }
      yield* Console.log(escapeControls(`Settings file: ${envFile?.path ?? "none"}`))
    }
    if (issues.length > 0) return yield* new InvalidSettings({ issues })
  })
).pipe(
  Command.withShortDescription("Print the settings in effect, with secrets hidden"),
  Command.withDescription(
    "Prints every setting with its value and its source (environment, settings file, default), and which settings file is in use. Secrets are hidden. Errors are listed below; the exit code is then 2."
  )
)

const sample = Command.make("sample", {}, () => Console.log(renderEnvSample().trimEnd())).pipe(
  Command.withShortDescription("Print a sample .env"),
  Command.withDescription("Prints a commented .env with all settings."),
  Command.withExamples([{ command: "boardwalk config sample > .env", description: "Create a configuration" }])
)

export const config = Command.make("config").pipe(
  Command.withDescription("Show the settings in effect, or print a sample .env"),
  Command.withSubcommands([show, sample])
)
