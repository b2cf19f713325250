/**
 * Runs the tests in several processes; the last line of the output is `N passed, N failed`. Passes its arguments to `bun test`.
 *
 * Tests that start the program start the binary, which is built first: the source takes four times as long to start.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"

const root = new URL("..", import.meta.url).pathname

/** Milliseconds per test. bunfig.toml has no such option, and Bun's default of five seconds is too short on a busy machine. */
const timeout = "30000"

const folder = mkdtempSync(join(tmpdir(), "boardwalk-binary-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
const binary = join(folder, "boardwalk")
const build = Bun.spawnSync([process.execPath, "scripts/build.ts", "--outfile", binary], { cwd: root, stdout: "ignore", stderr: "inherit" })
if (build.exitCode !== 0) {
  console.log("0 passed, 1 failed")
  process.exit(1)
}

// One more than there are cores, since some tests wait. Without --no-isolate, each file would load and compile all modules again.
const processes = [`--parallel=${availableParallelism() + 1}`, "--no-isolate"]
const tests = Bun.spawn([process.execPath, "test", `--timeout=${timeout}`, ...processes, ...process.argv.slice(2)], {
  cwd: root,
  env: { ...process.env, BOARDWALK_BINARY: binary },
  stdin: "inherit",
  stdout: "pipe",
  stderr: "pipe"
})

/** Copies a stream as it arrives, and returns its text. */
const copyStream = async (from: ReadableStream<Uint8Array>, to: NodeJS.WriteStream) => {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of from) {
    to.write(chunk)
    text += decoder.decode(chunk, { stream: true })
  }
  return text
}

const text = (await Promise.all([copyStream(tests.stdout, process.stdout), copyStream(tests.stderr, process.stderr)])).join("\n")
const exitCode = await tests.exited

/** The last such count in Bun's summary; 0 when Bun stopped before printing it. */
const readCount = (word: string) => Number([...text.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1)?.[1] ?? 0)

const passed = readCount("pass")
const failed = Math.max(readCount("fail"), exitCode === 0 ? 0 : 1)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? exitCode || 1 : 0)
