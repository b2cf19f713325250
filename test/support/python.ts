/** Packages of PyPI: other people's readers and validators for what the gateway writes. */
import { existsSync } from "node:fs"
import { join } from "node:path"

const cache = join(import.meta.dir, "..", "..", "node_modules", ".cache", "python")

const succeeds = async (...command: ReadonlyArray<string>) =>
  (await Bun.spawn([...command], { stdout: "ignore", stderr: "ignore" }).exited) === 0

/**
 * The folder of programs of a virtual environment with these packages (`name==version`). It is made once and kept beside the installed packages.
 * Undefined where there is no Python that can make one: skip what needs it.
 */
export const pythonEnvironment = async (...packages: ReadonlyArray<string>): Promise<string | undefined> => {
  const folder = join(cache, Bun.hash(packages.join(" ")).toString(36))
  const bin = join(folder, "bin")
  const complete = join(folder, "complete")
  if (existsSync(complete)) return bin
  if (Bun.which("python3") === null || !(await succeeds("python3", "-m", "venv", folder))) return undefined
  if (!(await succeeds(join(bin, "pip"), "install", "--quiet", ...packages))) return undefined
  await Bun.write(complete, packages.join("\n"))
  return bin
}
