/** What is done to keys that there are: revoke, enable, extend. */
import { DateTime, Effect, Struct } from "effect"
import { Argument, Command } from "effect/cli"
import type { KeyEntry } from "../../domain/ApiKey.ts"
import { digestOf, looksGenerated } from "../../apikeys/KeyFormat.ts"
import { json } from "../flags.ts"
import { expires } from "./expiresFlag.ts"
import { fileFlag, KeyCommandFailed, orOutputError } from "./keyFile.ts"
import { formatExpiry, toJson, printResult, type KeyState, keyState, summarizeKey, formatTime } from "./output.ts"
import { changeKeys } from "./changeKeys.ts"

const id = Argument.String("id").pipe(Argument.withDescription("The key's id, as `boardwalk keys list` shows it"))

/** What was given may be a key instead of an id: it is not repeated. */
const unknown = (file: string, given: string, keys: ReadonlyArray<KeyEntry>) => {
  const owner = keys.find(({ sha256 }) => sha256 === digestOf(given))
  if (owner !== undefined) return `This is a key, not an id. Its id is ${owner.id}. Nothing was changed.`
  return looksGenerated(given)
    ? `This is a key, not an id, and it is not in ${file}. Nothing was changed.`
    : `No key of ${file} has this id: \`boardwalk keys list\` shows them. Nothing was changed.`
}

/** Changes one entry; a change that gives the entry back leaves the file alone. */
const changeKey = Effect.fnUntraced(function* (file: string, id: string, change: (key: KeyEntry) => KeyEntry) {
  const ofIt = (keys: ReadonlyArray<KeyEntry>) => keys.find((key) => key.id === id)
  const { after, before } = yield* changeKeys(file, (keys) => {
    const key = ofIt(keys)
    if (key === undefined) return Effect.fail(new KeyCommandFailed({ message: unknown(file, id, keys) }))
    const changed = change(key)
    return Effect.succeed(changed === key ? keys : keys.map((other) => (other === key ? changed : other)))
  })
  return { key: ofIt(after)!, isChanged: after !== before }
})

const tell = Effect.fnUntraced(function* (key: KeyEntry, json: boolean, sentence: (state: KeyState) => string) {
  const now = yield* DateTime.now
  yield* orOutputError(printResult(json ? toJson(summarizeKey(key, now)) : sentence(keyState(key, now))))
})

const soon = "a running gateway takes that over within seconds"

export const revoke = Command.make(
  "revoke",
  { file: fileFlag, id, json },
  Effect.fnUntraced(function* ({ file, id, json }) {
    const { isChanged, key } = yield* changeKey(file, id, (key) => (key.disabled === true ? key : { ...key, disabled: true }))
    yield* tell(key, json, () => (isChanged ? `Key ${id} is disabled; ${soon}.` : `Key ${id} was disabled already.`))
  })
).pipe(
  Command.withShortDescription("Disable a key"),
  Command.withDescription("Disables a key. Its entry stays, so that logs can still be read; `boardwalk keys enable` takes it back."),
  Command.withExamples([
    { command: "boardwalk keys revoke grafana-1a2b3c", description: "End a key that was found where it should not be" }
  ])
)

const enabled = (key: KeyEntry): KeyEntry => Struct.omit(key, ["disabled"])

export const enable = Command.make(
  "enable",
  { file: fileFlag, id, json },
  Effect.fnUntraced(function* ({ file, id, json }) {
    const { isChanged, key } = yield* changeKey(file, id, (key) => (key.disabled === true ? enabled(key) : key))
    yield* tell(key, json, (state) => {
      if (state === "expired")
        return `Key ${id} is not disabled, but it expired ${formatExpiry(key)}: \`boardwalk keys extend\` gives it another end.`
      return isChanged ? `Key ${id} works again; ${soon}.` : `Key ${id} was not disabled.`
    })
  })
).pipe(
  Command.withShortDescription("Let a disabled key work again"),
  Command.withDescription("Takes back what `boardwalk keys revoke` did."),
  Command.withExamples([{ command: "boardwalk keys enable grafana-1a2b3c", description: "It was the wrong one" }])
)

export const extend = Command.make(
  "extend",
  { file: fileFlag, id, expires, json },
  Effect.fnUntraced(function* ({ expires, file, id, json }) {
    const { key } = yield* changeKey(file, id, (key) => ({ ...key, expires_at: expires }))
    const end = `Key ${id}: it ends ${formatTime(expires)}`
    yield* tell(key, json, (state) => (state === "disabled" ? `${end}, but it is disabled.` : `${end}; ${soon}.`))
  })
).pipe(
  Command.withShortDescription("Give a key another end"),
  Command.withDescription("Lets a key end at another time, later or sooner; one that has expired works again."),
  Command.withExamples([
    { command: "boardwalk keys extend grafana-1a2b3c --expires 90d", description: "For 90 days from now" },
    { command: "boardwalk keys extend grafana-1a2b3c --expires 2027-12-31", description: "Until the end of that day in UTC" }
  ])
)
