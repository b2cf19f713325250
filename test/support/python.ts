/** Packages from PyPI: independent readers and validators for the gateway's output. */
import { Database } from "bun:sqlite"
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"

const cache = join(import.meta.dir, "..", "..", "node_modules", ".cache", "python")

const succeeds = async (...command: ReadonlyArray<string>) =>
  (await Bun.spawn([...command], { stdout: "ignore", stderr: "ignore" }).exited) === 0

/** Lets one process at a time create an environment: test files in two processes may use the same one. A killed process loses the lock. */
const withLock = async <A>(action: () => Promise<A>): Promise<A> => {
  mkdirSync(cache, { recursive: true })
  using database = new Database(join(cache, "lock.sqlite"))
  database.run("PRAGMA busy_timeout = 600000") // ms
  database.run("BEGIN EXCLUSIVE")
  return await action()
}

/**
 * Creates a virtual environment with these packages (`name==version`) and returns its `bin` folder. The environment is kept in
 * node_modules/.cache. Undefined if it cannot be created, for instance without Python: skip the tests that need it.
 */
export const pythonEnvironment = async (...packages: ReadonlyArray<string>): Promise<string | undefined> => {
  const folder = join(cache, Bun.hash(packages.join(" ")).toString(36))
  const bin = join(folder, "bin")
  const marker = join(folder, "complete")
  if (existsSync(marker)) return bin
  if (Bun.which("python3") === null) return undefined
  return withLock(async () => {
    if (existsSync(marker)) return bin
    if (!(await succeeds("python3", "-m", "venv", folder))) return undefined
    if (!(await succeeds(join(bin, "pip"), "install", "--quiet", ...packages))) return undefined
    await Bun.write(marker, packages.join("\n"))
    return bin
  })
}
