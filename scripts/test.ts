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
const timeout = "120000"

/** The test files that take longest, in this order. They start first, so that none of them runs alone at the end. */
const slowest = [
  "test/fault/table.test.ts",
  "test/contract/schemathesis.test.ts",
  "test/leaks/everyEndpoint.test.ts",
  "test/http/sharedPauses.test.ts",
  "test/http/memory.test.ts",
  "test/http/pages/viewers.test.ts",
  "test/http/requestLimits.test.ts",
  "test/http/eventLoop.test.ts",
  "test/client/package.test.ts",
  "test/http/memoryRelease.test.ts",
  "test/services/telemetry/largeValues.test.ts",
  "test/http/hostileInputs.test.ts"
]

const folder = mkdtempSync(join(tmpdir(), "boardwalk-tests-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
const binary = join(folder, "boardwalk")
const build = Bun.spawnSync([process.execPath, "scripts/build.ts", "--outfile", binary], { cwd: root, stdout: "ignore", stderr: "inherit" })
if (build.exitCode !== 0) {
  console.log("0 passed, 1 failed")
  process.exit(1)
}

/** For Bun, which orders files by their time in ms, and must know all of them. */
const timings = join(folder, "timings.json")
const millisOf = (file: string) => 1 + (slowest.includes(file) ? (slowest.length - slowest.indexOf(file)) * 1000 : 0)
const files = Object.fromEntries([...new Bun.Glob("test/**/*.test.ts").scanSync(root)].map((file) => [file, millisOf(file)]))
await Bun.write(timings, JSON.stringify({ version: 1, files }))

// One more than there are cores, since some tests wait. Without --no-isolate, each file would load and compile all modules again.
const processes = [`--parallel=${availableParallelism() + 1}`, "--no-isolate", `--timings=${timings}`]
const tests = Bun.spawn([process.execPath, "test", `--timeout=${timeout}`, ...processes, ...process.argv.slice(2)], {
  cwd: root,
  env: { ...process.env, BOARDWALK_BINARY: binary },
  stdin: "inherit",
  stdout: "pipe",
  stderr: "pipe"
})

for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143]
] as const)
  process.once(signal, () => {
    tests.kill(signal)
    process.exit(exitCode)
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
