import { Effect } from "effect"
import { Command } from "effect/cli"
import { json } from "../flags.ts"
import { appliedSoon, changeKey, idArgument, reportKey } from "./changeKey.ts"
import { expires } from "./expiresFlag.ts"
import { fileFlag } from "./keyFile.ts"
import { formatTime } from "./output.ts"

export const extend = Command.make(
  "extend",
  { file: fileFlag, id: idArgument, expires, json },
  Effect.fnUntraced(function* ({ expires, file, id, json }) {
    const { key } = yield* changeKey(file, id, (key) => ({ ...key, expires_at: expires }))
    const sentence = `Key ${id} now expires ${formatTime(expires)}`
    yield* reportKey(key, json, (state) => (state === "disabled" ? `${sentence}, but it is disabled.` : `${sentence}; ${appliedSoon}.`))
  })
).pipe(
  Command.withShortDescription("Change a key's expiry"),
  Command.withDescription("Sets another expiry, later or earlier. An expired key works again."),
  Command.withExamples([
    { command: "boardwalk keys extend grafana-1a2b3c --expires 90d", description: "90 days from now" },
    { command: "boardwalk keys extend grafana-1a2b3c --expires 2027-12-31", description: "Until the end of that day in UTC" }
  ])
)
