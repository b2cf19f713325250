/**
 * Installs the dependencies when the checkout has none, or others than bun.lock names, so that one command is enough on a fresh clone.
 * Imports nothing but Bun and Node: it runs before anything is installed.
 */
import { existsSync } from "node:fs"

const root = new URL("..", import.meta.url).pathname
const stamp = `${root}node_modules/.boardwalk-installed`
const wanted = Bun.hash(await Bun.file(`${root}bun.lock`).text()).toString()
const installed = existsSync(stamp) ? await Bun.file(stamp).text() : ""

if (installed !== wanted) {
  const install = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile"], { cwd: root, stdio: ["inherit", "inherit", "inherit"] })
  if (install.exitCode !== 0) process.exit(install.exitCode)
  await Bun.write(stamp, wanted)
}
