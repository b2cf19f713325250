import { Effect, FileSystem } from "effect"
import type { SettingsShape } from "../config/Settings.ts"
import { type KeyFileContents, requireUsableKey, makeKeyFileReader } from "../apikeys/KeyFile.ts"
import { UserSessions } from "../thingsboard/UserSessions.ts"
import { CheckFailure, Skipped } from "./Check.ts"

type KeySettings = Pick<SettingsShape, "apiKey" | "apiKeysFile">

const missingSecrets = ({ users }: KeyFileContents) =>
  [...users].flatMap(([id, user]) => (user._tag === "SecretMissing" ? [`key ${id} cannot be used: ${user.reason}`] : []))

/** Reads the key file and the secrets that it refers to. */
const readKeys = Effect.fnUntraced(function* ({ apiKey, apiKeysFile }: KeySettings) {
  if (apiKeysFile === undefined) return yield* new Skipped({ detail: "no API_KEYS_FILE" })
  const contents = yield* makeKeyFileReader(apiKeysFile, apiKey).pipe(
    Effect.flatMap((contents) => requireUsableKey(contents, apiKey)),
    Effect.mapError(
      ({ message }) => new CheckFailure({ detail: message, hint: "A running gateway keeps its current keys; a new one does not start." })
    )
  )
  const problems = missingSecrets(contents)
  if (problems.length > 0)
    return yield* new CheckFailure({
      detail: problems.join("; "),
      hint: "Requests with such a key get 503; other keys are not affected."
    })
  return contents
})

const describeCount = ({ file }: KeyFileContents, { apiKey }: KeySettings) => {
  const count = file.keys.filter(({ disabled }) => disabled !== true).length + (apiKey === undefined ? 0 : 1)
  return count === 1 ? "one key" : `${count} keys`
}

/** Checks the key file alone, when ThingsBoard cannot be reached. */
export const checkKeysOffline = (settings: KeySettings): Effect.Effect<string, CheckFailure | Skipped, FileSystem.FileSystem> =>
  Effect.map(
    readKeys(settings),
    (contents) => `${describeCount(contents, settings)}${contents.users.size === 0 ? "" : "; their ThingsBoard users were not checked"}`
  )

/** Checks the key file, and that the ThingsBoard users of its keys can log in. */
export const checkKeys = Effect.fnUntraced(function* (settings: KeySettings) {
  const contents = yield* readKeys(settings)
  const sessions = yield* UserSessions
  for (const [id, user] of contents.users) {
    if (user._tag === "SecretMissing") continue
    const session = yield* sessions.acquire(user)
    if (session === undefined) continue // the gateway's own user has its own check
    yield* Effect.mapError(
      session.identity,
      ({ message }) =>
        new CheckFailure({
          detail: `the ThingsBoard user of key ${id} cannot log in: ${message}`,
          hint: "Check its password or API key, and that the user is enabled. Other keys are not affected."
        })
    )
  }
  return describeCount(contents, settings)
}, Effect.scoped)
