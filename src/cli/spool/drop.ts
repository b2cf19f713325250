import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { toJson } from "../../observability/escapeControls.ts"
import { json, usageError } from "../flags.ts"
import { CommandFailed, printResult } from "../result.ts"
import { batchArgument, placeFlag, pointsOf, withSpool } from "./withSpool.ts"

export const drop = Command.make(
  "drop",
  { batch: batchArgument, place: placeFlag, json },
  Effect.fnUntraced(function* ({ batch, json, place }) {
    if (Option.isNone(batch)) return yield* usageError(["spool", "drop"], "Expected the id of a batch")
    const id = batch.value
    yield* withSpool(place, (spool) =>
      Effect.gen(function* () {
        const points = yield* spool.drop(id)
        if (points === undefined)
          return yield* new CommandFailed({
            message: `There is no batch ${id}; \`boardwalk spool list\` shows the ids. Nothing was dropped.`
          })
        return yield* printResult(json ? toJson({ batch_id: id, points_dropped: points }) : `Dropped ${pointsOf(points)} of ${id}`)
      })
    )
  })
).pipe(
  Command.withShortDescription("Remove an upload with its waiting and rejected points"),
  Command.withDescription(
    "Removes an upload from the queue, with its points that wait or were rejected. They are lost. Points that a running gateway is sending at this moment may still be stored."
  ),
  Command.withExamples([{ command: "boardwalk spool drop 5b0f3a52-6f0b-4d0a-9d0e-3a1c2b7d5e90", description: "One upload" }])
)
