import { Effect } from "effect"
import { Command } from "effect/cli"
import { json } from "../flags.ts"
import { appliedSoon, changeKey, idArgument, reportKey } from "./changeKey.ts"
import { fileFlag } from "./keyFile.ts"

export const revoke = Command.make(
  "revoke",
  { file: fileFlag, id: idArgument, json },
  Effect.fnUntraced(function* ({ file, id, json }) {
    const { isChanged, key } = yield* changeKey(file, id, (key) => (key.disabled === true ? key : { ...key, disabled: true }))
    yield* reportKey(key, json, () => (isChanged ? `Key ${id} is disabled; ${appliedSoon}.` : `Key ${id} was already disabled.`))
  })
).pipe(
  Command.withShortDescription("Disable a key"),
  Command.withDescription(
    "Disables a key. Its entry stays in the file, so that its id in logs can be traced. `boardwalk keys enable` reverses it."
  ),
  Command.withExamples([{ command: "boardwalk keys revoke grafana-1a2b3c", description: "Disable a leaked key" }])
)
