/** Logs never wait for whoever reads standard output. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { closeSync, openSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { boardwalk } from "../support/program.ts"
import { live } from "../support/effectTest.ts"
import { makeLogOutput, maxWaitingBytes } from "../../src/platform/logOutput.ts"
import { minimalThingsBoard } from "../support/minimalThingsBoard.ts"
import { apiKey } from "../support/startServe.ts"

const describeDropped = (lines: number) => `${lines} dropped`

/** A sink whose reader takes text only when `read` is called. */
const makeSlowSink = () => {
  let taken = ""
  let pending: (() => void) | undefined
  const sink = {
    write: (text: string) => (taken += text),
    flush: () => new Promise<void>((resolve) => (pending = resolve))
  }
  const read = async () => {
    await Promise.resolve()
    pending?.()
    pending = undefined
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
  return { sink, read, taken: () => taken }
}

test("lines are written in order, and the last ones are waited for", async () => {
  const { read, sink, taken } = makeSlowSink()
  const output = makeLogOutput(sink, { describeDropped })
  for (const line of ["a", "b", "c"]) output.write(line)
  const drained = Effect.runPromise(output.drain)
  while (taken() !== "a\nb\nc\n") await read()
  await read()
  await drained
})

test("the excess is dropped, counted, and named where it is missing", async () => {
  const { read, sink, taken } = makeSlowSink()
  let dropped = 0
  const output = makeLogOutput(sink, { describeDropped, maxBytes: 10, onDrop: () => dropped++ })
  for (const line of ["first", "abc", "too long for it", "x"]) output.write(line)
  expect(dropped).toBe(2)
  while (!taken().includes("dropped")) await read()
  await read()
  output.write("later")
  while (!taken().includes("later")) await read()
  expect(taken()).toBe("first\nabc\n2 dropped\nlater\n")
})

test("a single line that is too long is dropped, counted and named, and later lines are written", async () => {
  let taken = ""
  const output = makeLogOutput({ write: (text) => (taken += text), flush: () => 0 }, { describeDropped, maxBytes: 10 })
  output.write("much too long for it")
  await Effect.runPromise(output.drain)
  output.write("later")
  await Effect.runPromise(output.drain)
  expect(taken).toBe("1 dropped\nlater\n")
})

test("a closed output is no failure, and is not written again", async () => {
  let writes = 0
  let dropped = 0
  const sink = {
    write: () => {
      writes++
      throw new Error("EPIPE")
    },
    flush: () => 0
  }
  const output = makeLogOutput(sink, { describeDropped, onDrop: () => dropped++ })
  output.write("a")
  await Effect.runPromise(output.drain)
  output.write("b")
  expect([writes, dropped]).toEqual([1, 1])
})

live(
  "a gateway whose standard output nobody reads serves requests, and stops when asked to",
  () =>
    Effect.gen(function* () {
      const upstream = yield* minimalThingsBoard()
      const port = yield* Effect.acquireUseRelease(
        Effect.sync(() => Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })),
        (free) => Effect.succeed(free.port),
        (free) => Effect.sync(() => free.stop(true))
      )
      // A pipe that this process opens, but does not read: Bun would read an ordinary one ahead.
      const fifo = join(yield* temporaryFolder("fifo"), "log")
      yield* Effect.promise(() => Bun.spawn(["mkfifo", fifo]).exited)
      const stdout = yield* Effect.acquireRelease(
        Effect.sync(() => openSync(fifo, "r+")),
        (fd) => Effect.sync(() => closeSync(fd))
      )
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.spawn([...boardwalk, "serve", "--no-env-file", "--port", String(port)], {
            stdin: "ignore",
            stdout,
            stderr: "ignore",
            env: {
              TB_HOST: upstream.url,
              TB_USERNAME: "u",
              TB_PASSWORD: "p",
              API_KEY: apiKey,
              HOST: "127.0.0.1",
              LOG_REPEATED_EVENTS: "each",
              RATE_LIMIT_REQUESTS: "1000000"
            }
          })
        ),
        (child) => Effect.promise(() => (child.kill("SIGKILL"), child.exited))
      )
      const get = (path: string, headers: Record<string, string> = {}) =>
        fetch(`http://127.0.0.1:${port}${path}`, { headers }).then((response) => response.text().then(() => response.status))
      yield* Effect.promise(async () => {
        while ((await get("/health").catch(() => 0)) !== 200) await Bun.sleep(20)
        // Each refused request is logged, with more than 100 bytes: twice what is kept.
        for (let sent = 0; sent < (2 * maxWaitingBytes) / 100; sent += 500)
          await Promise.all(Array.from({ length: 500 }, () => get("/api/v1/tb/devices", { "x-api-key": "wrong" })))
        expect(await get("/health")).toBe(200)
        child.kill("SIGTERM")
        expect(await child.exited).toBe(0)
      })
    }),
  120_000
)
