/** Runs `redis-server` (Debian's package) on a free port, in a temporary folder, until the scope closes. */
import { Effect, Schedule } from "effect"
import { canaries } from "./leaks/canaries.ts"
import { temporaryFolder } from "./temporaryFolder.ts"

export const hasRedis = Bun.which("redis-server") !== null

const freePort = () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

/** The configuration is passed on standard input: every user of the machine can read arguments, and the configuration has a password. */
const start = (port: number, path: string, lines: ReadonlyArray<string>) =>
  Bun.spawn(["redis-server", "-"], {
    stdin: Buffer.from(
      [`port ${port}`, "bind 127.0.0.1", 'save ""', `dir ${path}`, `requirepass ${canaries.urlPassword}`, ...lines, ""].join("\n")
    ),
    stdout: "ignore",
    stderr: "ignore"
  })

/** What a server needs that keeps everything it acknowledges, also when it is killed. */
export const durable = ["appendonly yes", "appendfsync always"]

/** With more lines of configuration. */
export const redisServerWith = Effect.fnUntraced(function* (lines: ReadonlyArray<string>) {
  const path = yield* temporaryFolder("redis")
  const port = freePort()
  let child: ReturnType<typeof start> | undefined
  const kill = Effect.promise(async () => {
    child?.kill("SIGKILL")
    await child?.exited
    child = undefined
  })
  yield* Effect.addFinalizer(() => kill)
  const waitUntilReady = Effect.tryPromise(async () => {
    const client = new Bun.RedisClient(url, { autoReconnect: false, enableOfflineQueue: false })
    try {
      await client.connect()
      await client.send("PING", [])
    } finally {
      client.close()
    }
  }).pipe(Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 250 }))
  const url = `redis://:${encodeURIComponent(canaries.urlPassword)}@127.0.0.1:${port}`
  return {
    url,
    start: Effect.suspend(() => {
      child = start(port, path, lines)
      return waitUntilReady
    }),
    kill,
    /** Keeps its connections open, but stops responding. */
    pause: Effect.sync(() => child?.kill("SIGSTOP")),
    resume: Effect.sync(() => child?.kill("SIGCONT"))
  }
})

export const redisServer = redisServerWith([])
