import { Effect, FileSystem } from "effect"
import type { SettingsShape } from "../config/Settings.ts"
import { type KeyFileContents, requireUsableKey, makeKeyFileReader } from "../apikeys/KeyFile.ts"
import { UserSessions } from "../thingsboard/UserSessions.ts"
import { CheckFailure, Skipped } from "./Check.ts"

type Named = Pick<SettingsShape, "apiKey" | "apiKeysFile">

const lacking = ({ users }: KeyFileContents) =>
  [...users].flatMap(([id, user]) => (user._tag === "SecretMissing" ? [`key ${id} cannot be used: ${user.reason}`] : []))

/** The file of keys is in order, and the secrets that it names are where it says. */
const readable = Effect.fnUntraced(function* ({ apiKey, apiKeysFile }: Named) {
  if (apiKeysFile === undefined) return yield* new Skipped({ detail: "no API_KEYS_FILE" })
  const found = yield* makeKeyFileReader(apiKeysFile, apiKey).pipe(
    Effect.flatMap((read) => requireUsableKey(read, apiKey)),
    Effect.mapError(
      ({ message }) =>
        new CheckFailure({ detail: message, hint: "A gateway that runs keeps the keys that it has; another does not start." })
    )
  )
  const faults = lacking(found)
  if (faults.length > 0)
    return yield* new CheckFailure({
      detail: faults.join("; "),
      hint: "Calls of such a key are answered 503; other keys are not concerned."
    })
  return found
})

const counted = ({ file }: KeyFileContents, { apiKey }: Named) => {
  const count = file.keys.filter(({ disabled }) => disabled !== true).length + (apiKey === undefined ? 0 : 1)
  return count === 1 ? "one key" : `${count} keys`
}

/** The same, where ThingsBoard cannot be asked. */
export const checkKeysOffline = (named: Named): Effect.Effect<string, CheckFailure | Skipped, FileSystem.FileSystem> =>
  Effect.map(
    readable(named),
    (found) => `${counted(found, named)}${found.users.size === 0 ? "" : ", whose ThingsBoard users were not tried"}`
  )

/** The same, and the ThingsBoard users of keys can log in. */
export const checkKeys = Effect.fnUntraced(function* (named: Named) {
  const found = yield* readable(named)
  const identities = yield* UserSessions
  for (const [id, user] of found.users) {
    if (user._tag === "SecretMissing") continue
    const acting = yield* identities.acquire(user)
    if (acting === undefined) continue // the gateway's own user, who has a check of its own
    yield* Effect.mapError(
      acting.identity,
      ({ message }) =>
        new CheckFailure({
          detail: `no session for the ThingsBoard user of key ${id}: ${message}`,
          hint: "Is its password or API key right, and the user enabled? Other keys are not concerned."
        })
    )
  }
  return counted(found, named)
}, Effect.scoped)
