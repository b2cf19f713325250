/** Looks again and again whether API_KEYS_FILE or a secret that it names has changed, and tells of it. */
import { Clock, Effect, Equal, type FileSystem, Schedule, type Scope } from "effect"
import { describeKeyChanges, findExpiringKeys, findMissingSecrets } from "./keyChanges.ts"
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

/**
 * Reads everything every two seconds: a mounted secret is swapped by a link, which no watcher sees, and what is put there may have the
 * date and the size of what was there before. A file that cannot be used is told once an hour as long as it stays so.
 */
export const reloadKeyFile = Effect.fnUntraced(function* (
  first: KeyFileContents,
  read: Effect.Effect<KeyFileContents, KeyFileInvalid, FileSystem.FileSystem>,
  { onStateChange: stands, onLoaded: took }: Listener
): Effect.fn.Return<void, never, FileSystem.FileSystem | Scope.Scope> {
  let held = first
  let told: { readonly reason: string; readonly at: number } | undefined

  const look = Effect.gen(function* () {
    const found = yield* read
    stands("read")
    told = undefined
    if (found.file === held.file && Equal.equals(found.users, held.users)) return
    const before = held
    held = found
    took(found)
    const hasOtherSecret = (id: string) => !Equal.equals(found.users.get(id), before.users.get(id))
    yield* Effect.logInfo("API_KEYS_FILE was read anew", describeKeyChanges(before.file, found.file, hasOtherSecret))
    yield* warnOfMissing(found, before)
    yield* warnOfEnding(found)
  }).pipe(
    Effect.catch(
      Effect.fnUntraced(function* ({ reason }) {
        stands("broken")
        const at = yield* Clock.currentTimeMillis
        if (told?.reason === reason && at - told.at < tellAgainAfter) return
        told = { reason, at }
        yield* Effect.logError("API_KEYS_FILE is broken; the keys stay as they were", { reason })
      })
    )
  )

  yield* warnOfMissing(first)
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.suspend(() => warnOfEnding(held)),
      Schedule.spaced("1 day")
    )
  )
  yield* Effect.forkScoped(Effect.repeat(look, Schedule.spaced("2 seconds")))
})
