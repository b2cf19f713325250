/** Changes of the file of keys: one after the other, and each whole or not at all. */
import { Effect, FileSystem, Option, Path, type PlatformError, Schema } from "effect"
import { type KeyEntry, KeysFile } from "../../domain/ApiKey.ts"
import { randomBytes } from "../../platform/Digest.ts"
import { isMissing, KeyCommandFailed, missing, readKeys, systemMessage } from "./keyFile.ts"
import { withLock } from "./lock.ts"

const isBusy = ({ reason }: PlatformError.PlatformError) => reason._tag === "Busy"

const cannot = (path: string) => (error: PlatformError.PlatformError) => {
  const hint = isBusy(error) ? " A file that is mounted by itself cannot be replaced: mount its folder." : ""
  return new KeyCommandFailed({ message: `${path} cannot be changed: ${systemMessage(error)}.${hint}` })
}

/** Where the file is, behind links; undefined when there is none. */
const found = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const real = yield* Effect.matchEffect(files.realPath(path), {
    onSuccess: Effect.succeedSome,
    onFailure: (error) => (isMissing(error) ? Effect.succeedNone : Effect.fail(cannot(path)(error)))
  })
  if (Option.isSome(real)) return real.value
  const link = yield* Effect.option(files.readLink(path))
  if (Option.isSome(link)) return yield* new KeyCommandFailed({ message: `${path} is a link to ${link.value}, which does not exist.` })
  return undefined
})

const needsFolder = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const folder = (yield* Path.Path).dirname(path)
  if (!(yield* files.exists(folder)))
    return yield* new KeyCommandFailed({ message: `${path} cannot be made: there is no folder ${folder}.` })
})

/** Replacing a file needs no right to write it, only one to the folder: what is not to be written would be replaced without a word. */
const refuseReadOnly = Effect.fnUntraced(function* (path: string, target: string, { mode, type }: FileSystem.File.Info) {
  const files = yield* FileSystem.FileSystem
  if (type !== "File") return yield* new KeyCommandFailed({ message: `${path} is no file that can be replaced.` })
  const writable = (mode & 0o200) !== 0 && Option.isSome(yield* Effect.option(files.access(target, { writable: true })))
  if (!writable)
    return yield* new KeyCommandFailed({
      message: `${path} is read-only for this user: nothing was changed. Make it writable, or run the command as a user that may write it.`
    })
})

/** Whoever could read the file can read the new one, and nobody else: a gateway often runs as another user. */
const keepOwner = Effect.fnUntraced(function* (path: string, draft: string, { gid, mode, uid }: FileSystem.File.Info) {
  const files = yield* FileSystem.FileSystem
  const made = yield* files.stat(draft)
  const [user, group] = [Option.getOrElse(uid, () => 0), Option.getOrElse(gid, () => 0)]
  if (!Option.contains(made.uid, user) || !Option.contains(made.gid, group)) {
    yield* Effect.mapError(
      files.chown(draft, user, group),
      () =>
        new KeyCommandFailed({
          message: `${path} belongs to user ${user} and group ${group}, whom this user cannot give a file: nothing was changed. Run the command as that user or as root.`
        })
    )
  }
  yield* files.chmod(draft, mode & 0o7777)
})

/** Written beside the file and moved over it, so that a gateway that looks at it never reads half of it. */
const replace = Effect.fnUntraced(function* (path: string, target: string, keys: ReadonlyArray<KeyEntry>, before?: FileSystem.File.Info) {
  const files = yield* FileSystem.FileSystem
  const document = yield* Effect.orDie(Schema.encodeEffect(KeysFile)({ keys })) // made of checked flags and of what was read
  const bytes = Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`)
  if (before !== undefined) yield* refuseReadOnly(path, target, before)
  const draft = `${target}.${Buffer.from(randomBytes(8)).toString("hex")}.new`
  yield* Effect.gen(function* () {
    const file = yield* files.open(draft, { flag: "wx", mode: 0o600 })
    yield* file.writeAll(bytes)
    yield* file.sync
    if (before !== undefined) yield* keepOwner(path, draft, before)
    yield* files.rename(draft, target)
  }).pipe(
    Effect.scoped,
    Effect.onError(() => Effect.ignore(files.remove(draft)))
  )
})

export type Change = (keys: ReadonlyArray<KeyEntry>) => Effect.Effect<ReadonlyArray<KeyEntry>, KeyCommandFailed>

const change = Effect.fnUntraced(function* (path: string, target: string, orNew: boolean, changed: Change) {
  const files = yield* FileSystem.FileSystem
  const isThere = yield* files.exists(target)
  if (!isThere && !orNew) return yield* missing(path)
  const before = isThere ? yield* files.stat(target) : undefined
  const keys = isThere ? yield* readKeys(path) : []
  const now = yield* changed(keys)
  if (now !== keys) yield* replace(path, target, now, before)
  return { before: keys, after: now, isNew: !isThere }
})

/** Reads, changes and writes while no other command does. A change that gives its own keys back writes nothing. */
export const changeKeys = Effect.fnUntraced(
  function* (path: string, changed: Change, { orNew = false }: { readonly orNew?: boolean } = {}) {
    const target = yield* found(path)
    if (target === undefined) yield* orNew ? needsFolder(path) : Effect.fail(missing(path))
    const place = target ?? path
    return yield* withLock(place, change(path, place, orNew, changed))
  },
  (effect, path) => Effect.catchTag(effect, "PlatformError", (error) => Effect.fail(cannot(path)(error)))
)
