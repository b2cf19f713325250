import { Console, Effect, References, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import type { Outcome } from "../doctor/Check.ts"
import { escapeControls, toJson } from "../observability/escapeControls.ts"
import { isTerminal } from "../platform/Runtime.ts"
import { json } from "./flags.ts"

class ChecksFailed extends Schema.TaggedError<ChecksFailed>()("ChecksFailed", {}) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false // the failed checks have been printed
}

const marks = { ok: ["✔", 32], failed: ["✘", 31], skipped: ["-", 90] } as const

const formatLine =
  (colored: boolean) =>
  ({ check, detail, hint, status }: Outcome) => {
    const [mark, color] = marks[status]
    const sentence = escapeControls(`${check}: ${detail}${hint === undefined ? "" : ` (${hint})`}`)
    const coloredMark = colored ? `\u001b[${color}m${mark}\u001b[0m` : mark
    return `${coloredMark} ${sentence}`
  }

const write = Flag.Boolean("write").pipe(
  Flag.withDescription("Also write one point (key boardwalk_doctor) to the first device and read it back"),
  Flag.withDefault(false)
)

export const doctor = Command.make(
  "doctor",
  { write, json },
  Effect.fnUntraced(function* ({ json, write }) {
    const { runChecks: examine } = yield* Effect.promise(() => import("../doctor/Doctor.ts"))
    // Log lines would break the report, especially its JSON. The checks report the problems.
    const outcomes = yield* Effect.provideService(examine({ write }), References.MinimumLogLevel, "None")
    const healthy = outcomes.every(({ status }) => status !== "failed")
    const colored = yield* isTerminal
    if (json) yield* Console.log(toJson({ healthy, checks: outcomes }))
    else yield* Effect.forEach(outcomes.map(formatLine(colored)), (text) => Console.log(text))
    if (!healthy) return yield* new ChecksFailed()
  })
).pipe(
  Command.withShortDescription("Check the configuration, ThingsBoard and a running gateway"),
  Command.withDescription(
    "Checks the configuration, the connection to ThingsBoard, the login, the devices, the keys, Redis, and the gateway if it is running; with --write, also whether a point is stored. Prints one line per check, with a hint if it failed. Exit code 1 if a check failed."
  ),
  Command.withExamples([
    { command: "boardwalk doctor", description: "Check without changing anything" },
    { command: "boardwalk doctor --write --json", description: "Also write a point; print JSON" }
  ])
)
