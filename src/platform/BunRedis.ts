/** Effect's `Redis` on Bun's own client. It is one connection, which is lost for good if it closes or does not respond in time. */
import { RedisClient } from "bun"
import { Effect, type Scope } from "effect"
import { Redis } from "effect/persistence"

/** Ms. Requests wait for their counts, so waiting longer is not worth it. */
const defaultSilence = 500
/** Connecting takes several round trips with TLS and a password. */
const connectMillis = 1000

class NoResponse extends Error {
  readonly code = "NO_ANSWER_IN_TIME"
}

const withTimeout = <A>(promise: Promise<A>, millis: number): Promise<A> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NoResponse()), millis)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })

/**
 * Times out commands whose responses come in the order of the commands, after `maxSilence` ms without any response on the connection. While
 * other commands get responses, a command is only queued, and giving up would make counts wrong just when there are the most of them.
 */
class ResponseTimeout {
  private lastResponseAt = 0

  constructor(private readonly maxSilence: number) {}

  wait<A>(response: Promise<A>): Promise<A> {
    const sentAt = performance.now()
    const { maxSilence } = this
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout>
      const isSilent = () => performance.now() - Math.max(sentAt, this.lastResponseAt) >= maxSilence
      const check = () => {
        if (!isSilent()) timer = setTimeout(check, maxSilence / 5)
        // If this process was busy, the response may have arrived without being read yet. The second timer lets it be read.
        else timer = setTimeout(() => (isSilent() ? reject(new NoResponse()) : check()), 1)
      }
      timer = setTimeout(check, maxSilence)
      response
        .finally(() => {
          this.lastResponseAt = performance.now()
          clearTimeout(timer)
        })
        .then(resolve, reject)
    })
  }
}

const toRedisError = (cause: unknown) => new Redis.RedisError({ cause })

/** The error as a code that contains no address and no password. */
export const redisErrorCode = ({ cause }: Redis.RedisError): string => {
  const code = (cause as { readonly code?: unknown } | undefined)?.code
  return typeof code === "string" && /^[A-Z_]+$/.test(code) ? code : "UNKNOWN"
}

/** What Redis says about a command that it rejects: the first word of its error, such as OOM. Undefined for other failures. */
export const redisRejectionOf = ({ cause }: Redis.RedisError): string | undefined =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_REDIS_SERVER_ERROR" ? /^[A-Z]+(?= )/.exec(cause.message)?.[0] : undefined

export interface ConnectOptions {
  /** Ms without any response after which commands fail; half a second by default. */
  readonly maxSilence?: number
}

const setCloseListener = (client: RedisClient, onClose: (cause: Error) => void) => {
  client.onclose = onClose // oxlint-disable-line unicorn/prefer-add-event-listener -- the only way it offers
}

const unsupported = Effect.fail(toRedisError(new Error("Only commands are sent over this connection")))

/** Connects, and disconnects when the scope closes. `onLost` is called when the server closes the connection. */
export const connect = (
  url: string,
  onLost: (error: Redis.RedisError) => void,
  { maxSilence = defaultSilence }: ConnectOptions = {}
): Effect.Effect<Redis.Redis["Service"], Redis.RedisError, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* Effect.acquireRelease(
      Effect.try({
        // Without a connection, commands must fail at once instead of waiting in a queue for the next one.
        try: () => new RedisClient(url, { autoReconnect: false, enableOfflineQueue: false, connectionTimeout: connectMillis }),
        catch: toRedisError
      }),
      (opened) =>
        Effect.sync(() => {
          setCloseListener(opened, () => {})
          opened.close()
        })
    )
    setCloseListener(client, (cause) => onLost(toRedisError(cause)))
    yield* Effect.tryPromise({ try: () => withTimeout(client.connect(), connectMillis), catch: toRedisError })
    const responseTimeout = new ResponseTimeout(maxSilence)
    return yield* Redis.make({
      send: <A = unknown>(command: string, ...args: ReadonlyArray<string>) =>
        Effect.tryPromise({ try: () => responseTimeout.wait(client.send(command, [...args]) as Promise<A>), catch: toRedisError }),
      subscribe: () => unsupported,
      connect: unsupported
    })
  })
