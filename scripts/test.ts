/** Runs the tests and closes with `N passed, N failed` alone on a line. Arguments go to `bun test`. */
const root = new URL("..", import.meta.url).pathname

/** Milliseconds a test: bunfig.toml cannot say so, and five seconds are too few on a busy machine. */
const timeout = "30000"

const tests = Bun.spawn([process.execPath, "test", `--timeout=${timeout}`, ...process.argv.slice(2)], {
  cwd: root,
  stdin: "inherit",
  stdout: "pipe",
  stderr: "pipe"
})

/** Passes a stream on while it comes, and keeps it. */
const passOn = async (from: ReadableStream<Uint8Array>, to: NodeJS.WriteStream) => {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of from) {
    to.write(chunk)
    text += decoder.decode(chunk, { stream: true })
  }
  return text
}

const text = (await Promise.all([passOn(tests.stdout, process.stdout), passOn(tests.stderr, process.stderr)])).join("\n")
const exitCode = await tests.exited

/** The last count in Bun's summary; there is none when it broke off before. */
const count = (word: string) => Number([...text.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1)?.[1] ?? 0)

const passed = count("pass")
const failed = Math.max(count("fail"), exitCode === 0 ? 0 : 1)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? exitCode || 1 : 0)
