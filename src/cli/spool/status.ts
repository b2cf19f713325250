import { Clock, Effect } from "effect"
import { Command } from "effect/cli"
import { toJson } from "../../observability/escapeControls.ts"
import { json } from "../flags.ts"
import { dirFlag, formatMillis, pointsOf, print, withSpool } from "./openFolder.ts"

export const status = Command.make(
  "status",
  { dir: dirFlag, json },
  Effect.fnUntraced(function* ({ dir, json }) {
    const now = yield* Clock.currentTimeMillis
    yield* withSpool(dir, (spool) => {
      const { bytes, oldest, points, rejected } = spool.waiting()
      if (json)
        return print(
          toJson({
            points_waiting: points,
            points_rejected: rejected,
            bytes,
            oldest_accepted_at: oldest === undefined ? null : formatMillis(oldest)
          })
        )
      const age =
        oldest === undefined ? "" : `, the oldest since ${formatMillis(oldest)} (${Math.max(0, Math.floor((now - oldest) / 1000))} s)`
      return print(`${pointsOf(points)} waiting${age}\n${pointsOf(rejected)} rejected and set aside\n${bytes} bytes`)
    })
  })
).pipe(
  Command.withShortDescription("Show how much waits, and for how long"),
  Command.withDescription("Shows how many points wait to be stored in ThingsBoard, since when, and how many were rejected and set aside."),
  Command.withExamples([
    { command: "boardwalk spool status", description: "What the gateway on this machine still has to store" },
    { command: "boardwalk spool status --dir /var/lib/boardwalk/spool --json", description: "As JSON, for a script" }
  ])
)
