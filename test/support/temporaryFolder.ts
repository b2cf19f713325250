/** A temporary folder, deleted when the scope closes. Its files are checked for leaked secrets first. */
import { Effect } from "effect"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { checkForLeaks } from "./leaks/watch.ts"

export const checkFilesForLeaks = async (folder: string) => {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    checkForLeaks(`a file ${relative(folder, path)}`, path)
    checkForLeaks(`a file ${relative(folder, path)}`, await Bun.file(path).bytes())
  }
}

export const temporaryFolder = (prefix: string) =>
  Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), `boardwalk-${prefix}-`))),
    (path) => Effect.promise(() => checkFilesForLeaks(path).finally(() => rm(path, { recursive: true, force: true })))
  )
