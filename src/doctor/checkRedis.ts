import { Effect, Redacted, Result } from "effect"
import type { Redis } from "effect/persistence"
import { Settings } from "../config/Settings.ts"
import { probeIdempotency } from "../idempotency/redisStore.ts"
import { connect, redisErrorCode, redisRejectionOf } from "../platform/BunRedis.ts"
import { probeRateLimits } from "../ratelimit/RateLimits.ts"
import { probeSharedPauses } from "../thingsboard/transport/sharedPauses.ts"
import { CheckFailure, Skipped } from "./Check.ts"
import { connectionHints } from "./connectionHints.ts"

const hints: Readonly<Record<string, string>> = {
  ...connectionHints,
  OOM: "Redis has no free memory: raise its maxmemory, or use a server of its own."
}

/** In a script Redis says ERR about a command that its user may not run. */
const reasonOf = (error: Redis.RedisError) => {
  const rejection = redisRejectionOf(error)
  return rejection === "ERR" ? "SCRIPT_REFUSED" : (rejection ?? redisErrorCode(error))
}

interface Use {
  readonly name: string
  readonly probe: (redis: Redis.Redis["Service"]) => Effect.Effect<void, string>
  /** The commands that Redis's user needs for it, besides those that run scripts. */
  readonly commands: string
  /** The gateway's connection for this is used only if Redis can keep the rate limits. */
  readonly needsRateLimits?: true
}

const rateLimits: Use = { name: "rate limits", probe: probeRateLimits, commands: "HMGET, HSET, PEXPIRE, TIME" }

/** What a gateway uses Redis for. */
const uses: ReadonlyArray<Use> = [
  rateLimits,
  {
    name: "pauses of calls to ThingsBoard",
    probe: (redis) => Effect.mapError(probeSharedPauses(redis), reasonOf),
    commands: "SET, GET, DEL, EXISTS, PTTL, PEXPIRE, SADD, SREM, SMEMBERS"
  },
  {
    name: "Idempotency-Key",
    probe: (redis) => Effect.mapError(probeIdempotency(redis), reasonOf),
    commands: "SET, GET, DEL, PEXPIRE",
    needsRateLimits: true
  }
]

interface Failed {
  readonly use: Use
  readonly reason: string
}

const probeAll = Effect.fnUntraced(function* (redis: Redis.Redis["Service"]) {
  const failed: Array<Failed> = []
  for (const use of uses) {
    const probed = yield* Effect.result(use.probe(redis))
    if (Result.isFailure(probed)) failed.push({ use, reason: probed.failure })
    else if (use.needsRateLimits === true && failed[0]?.use === rateLimits) failed.push({ use, reason: "needs the rate limits" })
  }
  return failed
})

const needed = (failed: ReadonlyArray<Failed>) =>
  [
    "Check that Redis is not a replica, that it has free memory, and that its user may use the keys boardwalk:* and run SCRIPT LOAD, EVALSHA",
    ...failed.map(({ use }) => `${use.commands} (${use.name})`)
  ].join("; ")

const describe = (failed: ReadonlyArray<Failed>) => failed.map(({ reason, use }) => `${use.name} (${reason})`).join(", ")

/** Checks that Redis runs all that gateways need to share. Without it a gateway works on its own, except for requests with an Idempotency-Key. */
export const checkRedis = Effect.gen(function* () {
  const { redisUrl } = yield* Settings
  if (redisUrl === undefined) return yield* new Skipped({ detail: "no REDIS_URL" })
  const redis = yield* Effect.mapError(
    connect(Redacted.value(redisUrl), () => {}),
    (error) => {
      const reason = redisErrorCode(error)
      return new CheckFailure({
        detail: `does not work for ${uses.map(({ name }) => name).join(", ")}: ${reason}`,
        hint: hints[reason] ?? "Check REDIS_URL: scheme, user, password, host, port, database."
      })
    }
  )
  const failed = yield* probeAll(redis)
  if (failed.length === 0) return `works for ${uses.map(({ name }) => name).join(", ")}`
  const hint = failed.map(({ reason }) => hints[reason]).find((found) => found !== undefined)
  return yield* new CheckFailure({ detail: `does not work for ${describe(failed)}`, hint: hint ?? `${needed(failed)}.` })
}).pipe(Effect.scoped)
