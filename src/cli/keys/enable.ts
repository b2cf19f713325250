import { Effect, Struct } from "effect"
import { Command } from "effect/cli"
import { json } from "../flags.ts"
import { appliedSoon, changeKey, idArgument, reportKey } from "./changeKey.ts"
import { fileFlag } from "./keyFile.ts"
import { formatExpiry } from "./output.ts"

export const enable = Command.make(
  "enable",
  { file: fileFlag, id: idArgument, json },
  Effect.fnUntraced(function* ({ file, id, json }) {
    const { isChanged, key } = yield* changeKey(file, id, (key) => (key.disabled === true ? Struct.omit(key, ["disabled"]) : key))
    yield* reportKey(key, json, (state) => {
      if (state === "expired")
        return `Key ${id} is enabled, but it expired ${formatExpiry(key)}; \`boardwalk keys extend\` changes its expiry.`
      return isChanged ? `Key ${id} is enabled again; ${appliedSoon}.` : `Key ${id} was not disabled.`
    })
  })
).pipe(
  Command.withShortDescription("Enable a disabled key again"),
  Command.withDescription("Reverses `boardwalk keys revoke`."),
  Command.withExamples([{ command: "boardwalk keys enable grafana-1a2b3c", description: "Enable a key that was revoked by mistake" }])
)
