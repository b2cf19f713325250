/** Reloads API_KEYS_FILE and the secrets that it refers to when they change, and logs what has changed. */
import { Clock, Effect, Equal, type FileSystem, Schedule, type Scope } from "effect"
import { describeKeyChanges, findExpiringKeys, findMissingSecrets } from "./keyChanges.ts"
import { watchFiles } from "../platform/watchFiles.ts"
import type { KeyFileInvalid, KeyFileContents } from "./KeyFile.ts"

export type FileState = "loaded" | "invalid"

export interface Listener {
  readonly onLoaded: (contents: KeyFileContents) => void
  readonly onStateChange: (state: FileState) => void
}

/** An invalid file is logged again after this time, since changes to it, even revocations, have no effect meanwhile. */
const logAgainAfterMillis = 3_600_000

const warnOfExpiringKeys = Effect.fnUntraced(function* ({ file }: KeyFileContents) {
  for (const { days, expiresAt, id } of findExpiringKeys(file, yield* Clock.currentTimeMillis))
    yield* Effect.logWarning("A key expires soon", { key_id: id, expires_at: expiresAt, days_left: days })
})

const warnOfMissingSecrets = (now: KeyFileContents, before?: KeyFileContents) =>
  Effect.forEach(
    findMissingSecrets(now.users, before?.users),
    ({ id, reason }) => Effect.logWarning("A key cannot be used: the secret of its ThingsBoard user is missing", { key_id: id, reason }),
    { discard: true }
  )

/** Keeps the current keys while the file is invalid. */
export const reloadKeyFile = Effect.fnUntraced(function* (
  first: KeyFileContents,
  read: Effect.Effect<KeyFileContents, KeyFileInvalid, FileSystem.FileSystem>,
  { onLoaded, onStateChange }: Listener
): Effect.fn.Return<void, never, FileSystem.FileSystem | Scope.Scope> {
  let current = first
  let logged: { readonly reason: string; readonly at: number } | undefined

  yield* warnOfMissingSecrets(first)
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.suspend(() => warnOfExpiringKeys(current)),
      Schedule.spaced("1 day")
    )
  )
  yield* watchFiles({
    initial: first,
    read,
    isSame: (a, b) => a.file === b.file && Equal.equals(a.users, b.users),
    onChange: Effect.fnUntraced(function* (next: KeyFileContents, previous: KeyFileContents) {
      current = next
      onLoaded(next)
      const hasOtherSecret = (id: string) => !Equal.equals(next.users.get(id), previous.users.get(id))
      yield* Effect.logInfo("API_KEYS_FILE was reloaded", describeKeyChanges(previous.file, next.file, hasOtherSecret))
      yield* warnOfMissingSecrets(next, previous)
      yield* warnOfExpiringKeys(next)
    }),
    onSuccess: () => {
      onStateChange("loaded")
      logged = undefined
    },
    onFailure: Effect.fnUntraced(function* ({ reason }: KeyFileInvalid) {
      onStateChange("invalid")
      const at = yield* Clock.currentTimeMillis
      if (logged?.reason === reason && at - logged.at < logAgainAfterMillis) return
      logged = { reason, at }
      yield* Effect.logError("API_KEYS_FILE is invalid; the previous keys stay in use", { reason })
    })
  })
})
