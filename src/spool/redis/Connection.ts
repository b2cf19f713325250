/** Runs the scripts of a spool on a Redis server. */
import { Effect, type Scope } from "effect"
import { Redis } from "effect/persistence"
import { connect, redisErrorCode, redisRejectionOf } from "../../platform/BunRedis.ts"
import { keepRedisConnected } from "../../platform/redisConnection.ts"
import { type SpoolError, SpoolFailed, SpoolFull } from "../errors.ts"
import { script } from "./lua.ts"

type Script<A> = ReturnType<typeof script<A>>
type Service = Redis.Redis["Service"]

export interface Connection {
  /** Runs a script. If it fails with `SpoolFailed`, it is not known whether Redis has run it. */
  readonly run: <A>(script: Script<A>, ...values: ReadonlyArray<string | number>) => Effect.Effect<A, SpoolError>
}

/** Ms. Redis may write to a slow disk before it responds (`appendfsync always`), and an import is accepted by one long script. */
const maxSilence = 5000

/** Of Redis's errors, those that say that there is no room. Any other may come from a server that a moment later works again. */
const limits: Readonly<Record<string, SpoolFull["limit"]>> = { OOM: "memory", MISCONF: "disk" }

const toSpoolError = (error: Redis.RedisError): SpoolError => {
  const rejection = redisRejectionOf(error)
  const limit = rejection === undefined ? undefined : limits[rejection]
  return limit === undefined ? new SpoolFailed({ code: rejection ?? redisErrorCode(error) }) : new SpoolFull({ limit })
}

/** Concurrent callers share the loading of a script, so the interruption of one must not abort it for the others. */
const runOn = <A>(redis: Service, one: Script<A>, values: ReadonlyArray<string | number>): Effect.Effect<A, SpoolError> =>
  Effect.mapError(Effect.uninterruptible(redis.eval(one)(...values)), toSpoolError)

const probe = script<1>("return 1")

/** How a server keeps what it acknowledges, as far as its user may know. */
export interface ServerDurability {
  /** Whether Redis writes every change to a file before it responds, or soon after. */
  readonly appendOnly: boolean | undefined
  /** The policy with which Redis removes keys that nobody asked it to remove, when its memory is full; undefined if it never does. */
  readonly eviction: string | undefined
}

const fieldOf = (info: string, name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1]

const readDurability = (redis: Service): Effect.Effect<ServerDurability> =>
  Effect.match(Effect.all([redis.send<string>("INFO", "memory"), redis.send<string>("INFO", "persistence")]), {
    onSuccess: ([memory, persistence]) => {
      const policy = fieldOf(memory, "maxmemory_policy")
      return {
        appendOnly: fieldOf(persistence, "aof_enabled") === "1",
        eviction: fieldOf(memory, "maxmemory") === "0" || policy === "noeviction" ? undefined : policy
      }
    },
    // The user may lack the permission.
    onFailure: () => ({ appendOnly: undefined, eviction: undefined })
  })

interface Server {
  readonly redis: Service
  readonly durability: ServerDurability
}

/** Fails with the reason why a server cannot keep a queue. */
const check = Effect.fnUntraced(function* (redis: Service): Effect.fn.Return<Server, string> {
  const durability = yield* readDurability(redis)
  if (durability.eviction !== undefined) return yield* Effect.fail("KEYS_ARE_EVICTED")
  yield* Effect.mapError(runOn(redis, probe, []), (error) => (error._tag === "SpoolFailed" ? error.code : "SCRIPT_REFUSED"))
  return { redis, durability }
})

/** Connects once, or fails with the reason, which contains no address and no password. */
export const connectOnce = (url: string): Effect.Effect<Connection & ServerDurability, string, Scope.Scope> =>
  Effect.gen(function* () {
    const opened = yield* Effect.mapError(
      connect(url, () => {}, { maxSilence }),
      redisErrorCode
    )
    const { durability, redis } = yield* check(opened)
    return { ...durability, run: (one, ...values) => runOn(redis, one, values) }
  })

const unavailable = Effect.fail(new SpoolFailed({ code: "NOT_CONNECTED" }))

/** Stays connected until the scope closes. Succeeds after the first attempt, also if that fails: scripts fail until another one succeeds. */
export const keepConnected = Effect.fnUntraced(function* (url: string): Effect.fn.Return<Connection, never, Scope.Scope> {
  const connected = yield* keepRedisConnected({
    url,
    maxSilence,
    prepare: check,
    logRecovery: Effect.logInfo("The queue of uploads can be used again: Redis is available"),
    logOutage: (reason) => Effect.logError("The queue of uploads cannot be used: Redis is not available", { reason })
  })
  return {
    run: (one, ...values) =>
      Effect.suspend(() => {
        const found = connected()
        if (found === undefined) return unavailable
        return Effect.tapError(runOn(found.value.redis, one, values), (error) =>
          Effect.sync(() => {
            if (error._tag === "SpoolFailed") found.lose(error.code)
          })
        )
      })
  }
})
