/**
 * Installs the dependencies if they are missing or do not match bun.lock, so that one command is enough in a fresh clone. Then it adds the rules
 * of the Effect language service to the type checker. That is not a `prepare` script, because package managers may run `prepare` where the
 * packed package is installed. This file imports nothing but Bun and Node: it runs before anything is installed.
 */
import { existsSync } from "node:fs"

const root = new URL("..", import.meta.url).pathname
const stamp = `${root}node_modules/.boardwalk-installed`
const expected = Bun.hash(await Bun.file(`${root}bun.lock`).text()).toString()
const installed = existsSync(stamp) ? await Bun.file(stamp).text() : ""

const run = (...args: ReadonlyArray<string>) => {
  const { exitCode } = Bun.spawnSync([process.execPath, ...args], { cwd: root, stdio: ["inherit", "inherit", "inherit"] })
  if (exitCode !== 0) process.exit(exitCode)
}

if (installed !== expected) {
  run("install", "--frozen-lockfile")
  run("run", "--bun", "effect-tsgo", "patch")
  await Bun.write(stamp, expected)
}
