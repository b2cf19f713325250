import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import type { BatchState, SetAside } from "../../spool/model.ts"
import { escapeControls, toJson } from "../../observability/escapeControls.ts"
import { json } from "../flags.ts"
import { printResult, printRows } from "../result.ts"
import { placeFlag, formatMillis, withSpool } from "./withSpool.ts"

const maxReasons = 5

const limit = Flag.Int("limit").pipe(Flag.withDescription("How many batches to list at most, the oldest first"), Flag.withDefault(100))

const nameOf = ({ device }: SetAside) => ("id" in device ? device.id : device.name)

const waitingIn = ({ points, rejected, stored }: BatchState) => points - stored - rejected

const toCells = (batch: BatchState, reasons: ReadonlyArray<SetAside>) =>
  [
    batch.id,
    batch.owner,
    formatMillis(batch.acceptedAt),
    `${waitingIn(batch)} waiting`,
    `${batch.stored} stored`,
    batch.rejected === 0 ? "" : `${batch.rejected} rejected`,
    reasons.map((one) => `${nameOf(one)}: ${one.reason} (${one.points})`).join("; ")
  ].map(escapeControls)

const toJsonEntry = (batch: BatchState, reasons: ReadonlyArray<SetAside>) => ({
  batch_id: batch.id,
  key_id: batch.owner,
  accepted_at: formatMillis(batch.acceptedAt),
  points_waiting: waitingIn(batch),
  points_stored: batch.stored,
  points_rejected: batch.rejected,
  rejected: reasons.map((one) => ({ device: nameOf(one), points: one.points, reason: one.reason }))
})

export const list = Command.make(
  "list",
  { place: placeFlag, limit, json },
  Effect.fnUntraced(function* ({ json, limit, place }) {
    yield* withSpool(place, (spool) =>
      Effect.gen(function* () {
        const batches = yield* Effect.forEach(yield* spool.unfinished(limit), (batch) =>
          Effect.map(spool.rejected(batch.id, maxReasons), (reasons) => [batch, reasons] as const)
        )
        if (json) return yield* printResult(toJson(batches.map(([batch, reasons]) => toJsonEntry(batch, reasons))))
        yield* printRows(batches.map(([batch, reasons]) => toCells(batch, reasons)))
      })
    )
  })
).pipe(
  Command.withShortDescription("List the uploads that wait or have rejected points"),
  Command.withDescription(
    "Lists the uploads of which points wait or were rejected, one per line, the oldest first: id, key, time, how many points wait, are stored and were rejected, and up to five reasons."
  ),
  Command.withExamples([
    { command: "boardwalk spool list", description: "One line per upload" },
    {
      command: "boardwalk spool list --json | jq -r '.[] | select(.points_rejected > 0).batch_id'",
      description: "The uploads with rejected points"
    }
  ])
)
