/** Effect's `Redis` on Bun's own client: one connection, which is lost for good when it closes or does not answer in time. */
import { RedisClient } from "bun"
import { Effect, type Scope } from "effect"
import { Redis } from "effect/persistence"

/**
 * Requests wait for their counts, so a silence is not worth more than this. It is one of the whole connection: while others are answered
 * it is only a queue, and to give up then would be to count wrong just when most is counted.
 */
const maxSilence = 500
/** With TLS and a password that is several trips. */
const connectMillis = 1000

class NoResponse extends Error {
  readonly code = "NO_ANSWER_IN_TIME"
}

const withTimeout = <A>(promise: Promise<A>, millis: number): Promise<A> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NoResponse()), millis)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })

/** Of promises that are kept in the order in which they were made. */
class Conversation {
  private heardAt = 0

  wait<A>(answer: Promise<A>): Promise<A> {
    const askedAt = performance.now()
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout>
      const isSilent = () => performance.now() - Math.max(askedAt, this.heardAt) >= maxSilence
      const look = () => {
        if (!isSilent()) timer = setTimeout(look, maxSilence / 5)
        // This process may have been busy, and then the answer is there and only unread: the second timer lets it be read.
        else timer = setTimeout(() => (isSilent() ? reject(new NoResponse()) : look()), 1)
      }
      timer = setTimeout(look, maxSilence)
      answer
        .finally(() => {
          this.heardAt = performance.now()
          clearTimeout(timer)
        })
        .then(resolve, reject)
    })
  }
}

const failed = (cause: unknown) => new Redis.RedisError({ cause })

/** What went wrong, as a word that holds no address and no password. */
export const reasonOf = ({ cause }: Redis.RedisError): string => {
  const code = (cause as { readonly code?: unknown } | undefined)?.code
  return typeof code === "string" && /^[A-Z_]+$/.test(code) ? code : "UNKNOWN"
}

const listen = (client: RedisClient, onClose: (cause: Error) => void) => {
  client.onclose = onClose // oxlint-disable-line unicorn/prefer-add-event-listener -- it has no other way
}

const notForLimits = Effect.fail(failed(new Error("Only commands are sent over this connection")))

/** Connects, and closes with the scope. `onLost` hears when the other side closes. */
export const connect = (
  url: string,
  onLost: (error: Redis.RedisError) => void
): Effect.Effect<Redis.Redis["Service"], Redis.RedisError, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* Effect.acquireRelease(
      Effect.try({
        // Commands must fail at once when there is no connection, not wait in a queue for the next one.
        try: () => new RedisClient(url, { autoReconnect: false, enableOfflineQueue: false, connectionTimeout: connectMillis }),
        catch: failed
      }),
      (opened) =>
        Effect.sync(() => {
          listen(opened, () => {})
          opened.close()
        })
    )
    listen(client, (cause) => onLost(failed(cause)))
    yield* Effect.tryPromise({ try: () => withTimeout(client.connect(), connectMillis), catch: failed })
    const conversation = new Conversation()
    return yield* Redis.make({
      send: <A = unknown>(command: string, ...args: ReadonlyArray<string>) =>
        Effect.tryPromise({ try: () => conversation.wait(client.send(command, [...args]) as Promise<A>), catch: failed }),
      subscribe: () => notForLimits,
      connect: notForLimits
    })
  })
