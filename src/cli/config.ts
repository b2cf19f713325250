import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { effectiveSettings, renderEnvSample } from "../config/renderSettings.ts"
import { allIssues, InvalidSettings, readSettings } from "../config/Settings.ts"
import { json } from "./flags.ts"

const show = Command.make(
  "show",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const readings = yield* readSettings()
    const lines = effectiveSettings(readings)
    const faults = allIssues(readings)
    if (json) yield* Console.log(JSON.stringify({ settings: lines, faults }, undefined, 2))
    else {
      const width = Math.max(...lines.map(({ variable }) => variable.length))
      for (const { from, value, variable } of lines) {
        yield* Console.log(`${variable.padEnd(width)}  ${value.padEnd(28)}  ${from}`.trimEnd())
      }
    }
    if (faults.length > 0) return yield* new InvalidSettings({ issues: faults })
  })
).pipe(
  Command.withShortDescription("Print the settings in effect, secrets hidden"),
  Command.withDescription(
    "Prints every setting with its value and where it comes from (command line, environment, .env, default). Secrets are hidden. Faults are listed below, and the exit code is 2 when there are some."
  )
)

const sample = Command.make("sample", {}, () => Console.log(renderEnvSample().trimEnd())).pipe(
  Command.withShortDescription("Print a .env to start from"),
  Command.withDescription("Prints a commented .env that lists every setting."),
  Command.withExamples([{ command: "boardwalk config sample > .env", description: "Start a configuration" }])
)

export const config = Command.make("config").pipe(
  Command.withDescription("Show the settings in effect, or print a .env to start from"),
  Command.withSubcommands([show, sample])
)
