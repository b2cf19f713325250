/** Debian's `redis-server` on a free port, with a folder of its own, until the scope closes. */
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

/** The configuration comes by its standard input: arguments can be read by everybody, and a password is no business of theirs. */
const start = (port: number, path: string) =>
  Bun.spawn(["redis-server", "-"], {
    stdin: Buffer.from([`port ${port}`, "bind 127.0.0.1", 'save ""', `dir ${path}`, `requirepass ${canaries.urlPassword}`, ""].join("\n")),
    stdout: "ignore",
    stderr: "ignore"
  })

export const redisServer = Effect.gen(function* () {
  const path = yield* temporaryFolder("redis")
  const port = freePort()
  let child: ReturnType<typeof start> | undefined
  const kill = Effect.promise(async () => {
    child?.kill("SIGKILL")
    await child?.exited
    child = undefined
  })
  yield* Effect.addFinalizer(() => kill)
  const answers = Effect.tryPromise(async () => {
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
      child = start(port, path)
      return answers
    }),
    kill,
    /** It holds its connections and answers nothing. */
    pause: Effect.sync(() => child?.kill("SIGSTOP")),
    resume: Effect.sync(() => child?.kill("SIGCONT"))
  }
})
