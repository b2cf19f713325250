import { Console, Effect, References, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import type { Outcome } from "../doctor/Check.ts"
import { isTerminal } from "../platform/Runtime.ts"
import { json } from "./flags.ts"

class ChecksFailed extends Schema.TaggedError<ChecksFailed>()("ChecksFailed", {}) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false // each failed check was printed
}

const marks = { ok: ["✔", 32], failed: ["✘", 31], skipped: ["-", 90] } as const

const line =
  (coloured: boolean) =>
  ({ check, detail, hint, status }: Outcome) => {
    const [mark, colour] = marks[status]
    const painted = coloured ? `\u001b[${colour}m${mark}\u001b[0m` : mark
    return `${painted} ${check}: ${detail}${hint === undefined ? "" : ` (${hint})`}`
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
    // The checks say what is wrong; log lines between them would spoil the report, JSON above all.
    const outcomes = yield* Effect.provideService(examine({ write }), References.MinimumLogLevel, "None")
    const healthy = outcomes.every(({ status }) => status !== "failed")
    const coloured = yield* isTerminal
    if (json) yield* Console.log(JSON.stringify({ healthy, checks: outcomes }, undefined, 2))
    else yield* Effect.forEach(outcomes.map(line(coloured)), (text) => Console.log(text))
    if (!healthy) return yield* new ChecksFailed()
  })
).pipe(
  Command.withShortDescription("Check the configuration, ThingsBoard and a running gateway"),
  Command.withDescription(
    "Checks the configuration, whether ThingsBoard is reachable, the login, whether there are devices, with --write whether a point arrives, and the gateway's own endpoints when it runs. One line each with a hint; exit code 1 when a check failed."
  ),
  Command.withExamples([
    { command: "boardwalk doctor", description: "Look, and change nothing" },
    { command: "boardwalk doctor --write --json", description: "Write a point too; print JSON" }
  ])
)
