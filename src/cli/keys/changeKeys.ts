/** Changes the key file atomically, one command at a time. */
import { Effect, FileSystem, Option, Path, type PlatformError, Schema } from "effect"
import { type KeyEntry, KeysFile } from "../../domain/ApiKey.ts"
import { randomBytes } from "../../platform/Digest.ts"
import { CommandFailed, systemMessage } from "../result.ts"
import { isMissing, missing, readKeys } from "./keyFile.ts"
import { withLock } from "./lock.ts"

const isBusy = ({ reason }: PlatformError.PlatformError) => reason._tag === "Busy"

const changeFailed = (path: string) => (error: PlatformError.PlatformError) => {
  const hint = isBusy(error) ? " A file mounted by itself cannot be replaced: mount its folder." : ""
  return new CommandFailed({ message: `${path} cannot be changed: ${systemMessage(error)}.${hint}` })
}

/** The path of the file with links resolved; undefined if it does not exist. */
const resolvePath = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const real = yield* Effect.matchEffect(files.realPath(path), {
    onSuccess: Effect.succeedSome,
    onFailure: (error) => (isMissing(error) ? Effect.succeedNone : Effect.fail(changeFailed(path)(error)))
  })
  if (Option.isSome(real)) return real.value
  const link = yield* Effect.option(files.readLink(path))
  if (Option.isSome(link)) return yield* new CommandFailed({ message: `${path} is a link to ${link.value}, which does not exist.` })
  return undefined
})

const requireFolder = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const folder = (yield* Path.Path).dirname(path)
  if (!(yield* files.exists(folder)))
    return yield* new CommandFailed({ message: `${path} cannot be created: the folder ${folder} does not exist.` })
})

/** Replacing a file requires write permission only for its folder, so a read-only file would be replaced silently. */
const requireWritable = Effect.fnUntraced(function* (path: string, target: string, { mode, type }: FileSystem.File.Info) {
  const files = yield* FileSystem.FileSystem
  if (type !== "File") return yield* new CommandFailed({ message: `${path} is not a regular file, so it cannot be replaced.` })
  const writable = (mode & 0o200) !== 0 && Option.isSome(yield* Effect.option(files.access(target, { writable: true })))
  if (!writable)
    return yield* new CommandFailed({
      message: `${path} is read-only for this user. Nothing was changed. Make it writable, or run the command as a user who may write it.`
    })
})

/** Gives the new file the owner, group and mode of the old one, so that the same users can read it: a gateway often runs as another user. */
const copyOwnership = Effect.fnUntraced(function* (path: string, draft: string, { gid, mode, uid }: FileSystem.File.Info) {
  const files = yield* FileSystem.FileSystem
  const created = yield* files.stat(draft)
  const [user, group] = [Option.getOrElse(uid, () => 0), Option.getOrElse(gid, () => 0)]
  if (!Option.contains(created.uid, user) || !Option.contains(created.gid, group)) {
    yield* Effect.mapError(
      files.chown(draft, user, group),
      () =>
        new CommandFailed({
          message: `${path} belongs to user ${user} and group ${group}, which this user cannot keep. Nothing was changed. Run the command as that user or as root.`
        })
    )
  }
  yield* files.chmod(draft, mode & 0o7777)
})

/** Writes a new file next to the old one and renames it, so that a gateway never reads a partial file. */
const replace = Effect.fnUntraced(function* (path: string, target: string, keys: ReadonlyArray<KeyEntry>, before?: FileSystem.File.Info) {
  const files = yield* FileSystem.FileSystem
  const document = yield* Effect.orDie(Schema.encodeEffect(KeysFile)({ keys })) // the keys come from validated flags and from a decoded file
  const bytes = Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`)
  if (before !== undefined) yield* requireWritable(path, target, before)
  const draft = `${target}.${Buffer.from(randomBytes(8)).toString("hex")}.new`
  yield* Effect.gen(function* () {
    const file = yield* files.open(draft, { flag: "wx", mode: 0o600 })
    yield* file.writeAll(bytes)
    yield* file.sync
    if (before !== undefined) yield* copyOwnership(path, draft, before)
    yield* files.rename(draft, target)
  }).pipe(
    Effect.scoped,
    Effect.onError(() => Effect.ignore(files.remove(draft)))
  )
})

export type Change = (keys: ReadonlyArray<KeyEntry>) => Effect.Effect<ReadonlyArray<KeyEntry>, CommandFailed>

const change = Effect.fnUntraced(function* (path: string, target: string, createFile: boolean, update: Change) {
  const files = yield* FileSystem.FileSystem
  const exists = yield* files.exists(target)
  if (!exists && !createFile) return yield* missing(path)
  const before = exists ? yield* files.stat(target) : undefined
  const keys = exists ? yield* readKeys(path) : []
  const changed = yield* update(keys)
  if (changed !== keys) yield* replace(path, target, changed, before)
  return { before: keys, after: changed, isNew: !exists }
})

/** Reads, changes and writes the keys while holding the lock. If the change returns the same keys, nothing is written. */
export const changeKeys = Effect.fnUntraced(
  function* (path: string, update: Change, { createFile = false }: { readonly createFile?: boolean } = {}) {
    const target = yield* resolvePath(path)
    if (target === undefined) yield* createFile ? requireFolder(path) : Effect.fail(missing(path))
    const file = target ?? path
    return yield* withLock(file, change(path, file, createFile, update))
  },
  (effect, path) => Effect.catchTag(effect, "PlatformError", (error) => Effect.fail(changeFailed(path)(error)))
)
