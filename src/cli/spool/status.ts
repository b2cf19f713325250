import { Effect } from "effect"
import { Command } from "effect/cli"
import { toJson } from "../../observability/escapeControls.ts"
import { json } from "../flags.ts"
import { printResult } from "../result.ts"
import { placeFlag, formatMillis, pointsOf, withSpool } from "./withSpool.ts"

export const status = Command.make(
  "status",
  { place: placeFlag, json },
  Effect.fnUntraced(function* ({ json, place }) {
    yield* withSpool(place, (spool) =>
      Effect.gen(function* () {
        const { age: millis, bytes, oldest, points, rejected } = yield* spool.waiting
        if (json)
          return yield* printResult(
            toJson({
              points_waiting: points,
              points_rejected: rejected,
              bytes,
              oldest_accepted_at: oldest === undefined ? null : formatMillis(oldest)
            })
          )
        const age = oldest === undefined ? "" : `, the oldest since ${formatMillis(oldest)} (${Math.floor(millis / 1000)} s)`
        return yield* printResult(`${pointsOf(points)} waiting${age}\n${pointsOf(rejected)} rejected and set aside\n${bytes} bytes`)
      })
    )
  })
).pipe(
  Command.withShortDescription("Show how much waits, and for how long"),
  Command.withDescription("Shows how many points wait to be stored in ThingsBoard, since when, and how many were rejected and set aside."),
  Command.withExamples([
    { command: "boardwalk spool status", description: "What the gateway on this machine still has to store" },
    { command: "boardwalk spool status --dir /var/lib/boardwalk/spool --json", description: "As JSON, for a script" }
  ])
)
