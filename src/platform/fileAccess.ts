/** Which other users can change or read a file. On Windows, where files have no such modes, nobody can. */
import { lstatSync, readlinkSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { Effect, FileSystem, Option } from "effect"

/** A path as messages show it, independent of the working directory. */
export const absolutePath = (path: string) => resolve(path)

/** Neither this user nor root, who can do everything anyway. */
const isForeign = (uid: number | undefined) => uid !== undefined && uid !== 0 && uid !== process.getuid?.()

const maxLinks = 40

/** Whether another user owns the file's symbolic link, or a link that it leads to. */
const hasForeignLink = (path: string) => {
  let current = resolve(path)
  for (let links = 0; links < maxLinks; links++) {
    const found = lstatSync(current, { throwIfNoEntry: false })
    if (found === undefined || !found.isSymbolicLink()) return false
    if (isForeign(found.uid)) return true
    current = resolve(dirname(current), readlinkSync(current))
  }
  return true
}

const [stickyBit, groupWrites, othersWrite, othersRead] = [0o1000, 0o020, 0o002, 0o004]

export interface FileAccess {
  /** How other users can change the file, each a phrase that follows its name. */
  readonly changes: ReadonlyArray<string>
  /** Whether the group of the folder can replace the file. Many systems make the folders of a user writable for the user's own group. */
  readonly groupCanReplace: boolean
  /** Whether every user of the machine can read the file. */
  readonly isPublic: boolean
}

const noAccess: FileAccess = { changes: [], groupCanReplace: false, isPublic: false }

/** Fails if the file cannot be inspected. */
export const inspectAccess = Effect.fnUntraced(function* (path: string) {
  if (process.platform === "win32") return noAccess
  const files = yield* FileSystem.FileSystem
  const { mode, uid } = yield* files.stat(path)
  const target = yield* Effect.orElseSucceed(files.realPath(path), () => resolve(path))
  const folders = yield* Effect.forEach(new Set([dirname(resolve(path)), dirname(target)]), (folder) => files.stat(folder))
  /** In a folder with the sticky bit, users can replace only their own files. */
  const canReplace = (bit: number) => folders.some((folder) => (folder.mode & bit) !== 0 && (folder.mode & stickyBit) === 0)
  const findings: ReadonlyArray<readonly [boolean, string]> = [
    [isForeign(Option.getOrUndefined(uid)), "belongs to another user"],
    [(mode & (groupWrites | othersWrite)) !== 0, "can be written by users other than its owner"],
    [hasForeignLink(path), "is a link that belongs to another user"],
    [folders.some((folder) => isForeign(Option.getOrUndefined(folder.uid))), "is in a folder that belongs to another user"],
    [canReplace(othersWrite), "is in a folder that other users can write"]
  ]
  return {
    changes: findings.flatMap(([applies, phrase]) => (applies ? [phrase] : [])),
    groupCanReplace: canReplace(groupWrites),
    isPublic: (mode & othersRead) !== 0
  } satisfies FileAccess
})

/** The same for a file that may be missing or unreadable, which is reported elsewhere. */
export const findAccess = (path: string): Effect.Effect<FileAccess, never, FileSystem.FileSystem> =>
  Effect.orElseSucceed(inspectAccess(path), () => noAccess)
