/** A folder of its own until the scope closes; what was written into it is looked at for secrets before it goes. */
import { Effect } from "effect"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { look } from "./leaks/watch.ts"

export const lookAtFiles = async (folder: string) => {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    look(`a file ${relative(folder, path)}`, path)
    look(`a file ${relative(folder, path)}`, await Bun.file(path).bytes())
  }
}

export const folder = (prefix: string) =>
  Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), `boardwalk-${prefix}-`))),
    (path) => Effect.promise(() => lookAtFiles(path).finally(() => rm(path, { recursive: true, force: true })))
  )
