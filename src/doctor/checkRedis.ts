import { Effect, Redacted } from "effect"
import { Settings } from "../config/Settings.ts"
import { probeRedis } from "../ratelimit/RateLimits.ts"
import { CheckFailure, Skipped } from "./Check.ts"

const hints: Readonly<Record<string, string>> = {
  ERR_REDIS_CONNECTION_CLOSED:
    "Check that Redis listens there, that user and password are right, and whether it needs redis: or rediss: (TLS).",
  NO_ANSWER_IN_TIME:
    "Check that the network to Redis is open, that Redis is not overloaded, and that it uses TLS if the URL begins with rediss:.",
  SCRIPT_REFUSED:
    "Check that Redis is not a replica, that it has free memory, and that the user may run scripts (EVALSHA, SCRIPT LOAD, GET, SET, DEL) and select the database (SELECT)."
}

/** Checks that Redis can keep the rate limit counts. Without Redis a gateway still works, and counts on its own. */
export const checkRedis = Effect.gen(function* () {
  const { redisUrl } = yield* Settings
  if (redisUrl === undefined) return yield* new Skipped({ detail: "no REDIS_URL" })
  yield* Effect.mapError(
    probeRedis(Redacted.value(redisUrl)),
    (reason) =>
      new CheckFailure({
        detail: `rate limits are not shared: ${reason}`,
        hint: hints[reason] ?? "Check REDIS_URL: scheme, user, password, host, port, database."
      })
  )
  return "keeps the rate limits"
})
