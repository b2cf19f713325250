/** What `revoke`, `enable` and `extend` share: changing one entry of the key file, and reporting the result. */
import { DateTime, Effect } from "effect"
import { Argument } from "effect/cli"
import { digestOf, looksGenerated } from "../../apikeys/KeyFormat.ts"
import type { KeyEntry } from "../../domain/ApiKey.ts"
import { changeKeys } from "./changeKeys.ts"
import { toJson } from "../../observability/escapeControls.ts"
import { CommandFailed, printResult } from "../result.ts"
import { type KeyState, keyState, summarizeKey } from "./output.ts"

export const idArgument = Argument.String("id").pipe(Argument.withDescription("The key's id, as `boardwalk keys list` shows it"))

/** Somebody may have given the key itself instead of its id, so the argument is not repeated. */
const describeUnknownId = (file: string, given: string, keys: ReadonlyArray<KeyEntry>) => {
  const owner = keys.find(({ sha256 }) => sha256 === digestOf(given))
  if (owner !== undefined) return `This is a key, not an id. Its id is ${owner.id}. Nothing was changed.`
  return looksGenerated(given)
    ? `This is a key, not an id, and it is not in ${file}. Nothing was changed.`
    : `No key in ${file} has this id; \`boardwalk keys list\` shows the ids. Nothing was changed.`
}

/** Changes one entry. If the change returns the same entry, the file is not written. */
export const changeKey = Effect.fnUntraced(function* (file: string, id: string, change: (key: KeyEntry) => KeyEntry) {
  const find = (keys: ReadonlyArray<KeyEntry>) => keys.find((key) => key.id === id)
  const { after, before } = yield* changeKeys(file, (keys) => {
    const key = find(keys)
    if (key === undefined) return Effect.fail(new CommandFailed({ message: describeUnknownId(file, id, keys) }))
    const changed = change(key)
    return Effect.succeed(changed === key ? keys : keys.map((other) => (other === key ? changed : other)))
  })
  return { key: find(after)!, isChanged: after !== before }
})

/** Prints the changed key: as JSON, or in a sentence that depends on its state. */
export const reportKey = Effect.fnUntraced(function* (key: KeyEntry, json: boolean, describe: (state: KeyState) => string) {
  const now = yield* DateTime.now
  yield* printResult(json ? toJson(summarizeKey(key, now)) : describe(keyState(key, now)))
})

export const appliedSoon = "a running gateway applies this within seconds"
