/** A connection to Redis that is made again whenever it is lost. */
import { Deferred, Effect, type Scope } from "effect"
import type { Redis } from "effect/persistence"
import { connect, type ConnectOptions, redisErrorCode } from "./BunRedis.ts"

export interface Connected<A> {
  /** What `prepare` made of the connection. */
  readonly value: A
  /** Gives the connection up, so that another one is made. `reason` contains no address and no password. */
  readonly lose: (reason: string) => void
}

export interface KeptConnectionOptions<A> extends ConnectOptions {
  readonly url: string
  /** Checks a new connection before it is used, or fails with a reason like that of `lose`. The scope closes when the connection is lost. */
  readonly prepare: (redis: Redis.Redis["Service"], lose: Connected<A>["lose"]) => Effect.Effect<A, string, Scope.Scope>
  /** Logs that Redis can be used again, after an outage that was logged. */
  readonly logRecovery: Effect.Effect<void>
  /** Logs an outage, once. */
  readonly logOutage: (reason: string) => Effect.Effect<void>
}

const pause = "500 millis"

/**
 * Connects until the scope closes. Succeeds after the first attempt, whether or not Redis can be used, with a function that returns the
 * connection that can be used now.
 */
export const keepRedisConnected = Effect.fnUntraced(function* <A>({
  logOutage,
  logRecovery,
  prepare,
  url,
  ...options
}: KeptConnectionOptions<A>): Effect.fn.Return<() => Connected<A> | undefined, never, Scope.Scope> {
  let connected: Connected<A> | undefined
  let isOutageLogged = false

  /** Connects, and returns the reason when the connection is lost. */
  const connectUntilLost = Effect.fnUntraced(function* (firstAttempt: Deferred.Deferred<void>) {
    const lost = Deferred.makeUnsafe<string>()
    const lose = (reason: string) => {
      if (connected?.lose === lose) connected = undefined
      Deferred.doneUnsafe(lost, Effect.succeed(reason))
    }
    const redis = yield* Effect.mapError(
      connect(url, (error) => lose(redisErrorCode(error)), options),
      redisErrorCode
    )
    const value = yield* prepare(redis, lose)
    connected = { value, lose }
    if (isOutageLogged) yield* logRecovery
    isOutageLogged = false
    yield* Deferred.succeed(firstAttempt, undefined)
    return yield* Deferred.await(lost)
  }, Effect.scoped)

  const noteOutage = (reason: string) =>
    Effect.suspend(() => {
      const isFirst = !isOutageLogged
      isOutageLogged = true
      return isFirst ? logOutage(reason) : Effect.void
    })

  const firstAttempt = Deferred.makeUnsafe<void>()
  yield* connectUntilLost(firstAttempt).pipe(
    Effect.catch(Effect.succeed),
    Effect.tap(noteOutage),
    Effect.andThen(Deferred.succeed(firstAttempt, undefined)),
    Effect.andThen(Effect.sleep(pause)),
    Effect.forever,
    Effect.forkScoped
  )
  yield* Deferred.await(firstAttempt)
  return () => connected
})
