import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { toJson } from "../../observability/escapeControls.ts"
import { json, usageError } from "../flags.ts"
import { CommandFailed, printResult } from "../result.ts"
import { batchArgument, placeFlag, pointsOf, withSpool } from "./withSpool.ts"

const all = Flag.Boolean("all").pipe(Flag.withDescription("Retry the rejected points of all uploads"), Flag.withDefault(false))

export const retry = Command.make(
  "retry",
  { batch: batchArgument, all, place: placeFlag, json },
  Effect.fnUntraced(function* ({ all, batch, json, place }) {
    if (Option.isSome(batch) === all) return yield* usageError(["spool", "retry"], "Expected the id of a batch, or --all")
    yield* withSpool(place, (spool) =>
      Effect.gen(function* () {
        const id = Option.getOrUndefined(batch)
        if (id !== undefined && (yield* spool.batch(id)) === undefined)
          return yield* new CommandFailed({ message: `There is no batch ${id}; \`boardwalk spool list\` shows the ids.` })
        const points = yield* spool.retry(id)
        return yield* printResult(json ? toJson({ points_retried: points }) : `Put ${pointsOf(points)} into the queue again`)
      })
    )
  })
).pipe(
  Command.withShortDescription("Send rejected points again"),
  Command.withDescription(
    "Puts the points that were rejected and set aside into the queue again, behind all others; a running gateway sends them within a second. For instance after the missing devices were created."
  ),
  Command.withExamples([
    { command: "boardwalk spool retry 5b0f3a52-6f0b-4d0a-9d0e-3a1c2b7d5e90", description: "The rejected points of one upload" },
    { command: "boardwalk spool retry --all", description: "Those of all uploads" }
  ])
)
