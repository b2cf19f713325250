/** Looks again and again whether API_KEYS_FILE or a secret that it names has changed, and tells of it. */
import { Clock, Effect, Equal, type FileSystem, Schedule, type Scope } from "effect"
import { describeKeyChanges, findExpiringKeys, findMissingSecrets } from "./keyChanges.ts"
import { watchFiles } from "../platform/watchFiles.ts"
import type { KeyFileInvalid, KeyFileContents } from "./KeyFile.ts"

export type FileState = "read" | "broken"

export interface Listener {
  readonly onLoaded: (found: KeyFileContents) => void
  readonly onStateChange: (state: FileState) => void
}

/** Meanwhile nothing that is written into the file counts, revocations neither. */
const tellAgainAfter = 3_600_000

const warnOfEnding = Effect.fnUntraced(function* ({ file }: KeyFileContents) {
  for (const { days, expiresAt, id } of findExpiringKeys(file, yield* Clock.currentTimeMillis))
    yield* Effect.logWarning("A key expires soon", { key_id: id, expires_at: expiresAt, days_left: days })
})

const warnOfMissing = (now: KeyFileContents, before?: KeyFileContents) =>
  Effect.forEach(
    findMissingSecrets(now.users, before?.users),
    ({ id, reason }) => Effect.logWarning("A key cannot be used: the secret of its ThingsBoard user is missing", { key_id: id, reason }),
    { discard: true }
  )

/** Reloads the keys when the file or a secret that it names has changed. A file that cannot be used is logged once per hour as long as it stays so. */
export const reloadKeyFile = Effect.fnUntraced(function* (
  first: KeyFileContents,
  read: Effect.Effect<KeyFileContents, KeyFileInvalid, FileSystem.FileSystem>,
  { onLoaded, onStateChange }: Listener
): Effect.fn.Return<void, never, FileSystem.FileSystem | Scope.Scope> {
  let current = first
  let logged: { readonly reason: string; readonly at: number } | undefined

  yield* warnOfMissing(first)
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.suspend(() => warnOfEnding(current)),
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
      yield* Effect.logInfo("API_KEYS_FILE was read anew", describeKeyChanges(previous.file, next.file, hasOtherSecret))
      yield* warnOfMissing(next, previous)
      yield* warnOfEnding(next)
    }),
    onSuccess: () => {
      onStateChange("read")
      logged = undefined
    },
    onFailure: Effect.fnUntraced(function* ({ reason }: KeyFileInvalid) {
      onStateChange("broken")
      const at = yield* Clock.currentTimeMillis
      if (logged?.reason === reason && at - logged.at < tellAgainAfter) return
      logged = { reason, at }
      yield* Effect.logError("API_KEYS_FILE is broken; the keys stay as they were", { reason })
    })
  })
})
