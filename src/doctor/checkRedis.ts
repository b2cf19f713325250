import { Effect, Redacted } from "effect"
import { Settings } from "../config/Settings.ts"
import { probeRedis } from "../ratelimit/RateLimits.ts"
import { CheckFailure, Skipped } from "./Check.ts"

const hints: Readonly<Record<string, string>> = {
  ERR_REDIS_CONNECTION_CLOSED: "Does Redis listen there, are user and password right, is it redis: or rediss: (TLS)?",
  NO_ANSWER_IN_TIME: "Is the network to it open, is it overloaded, does it speak TLS where rediss: is asked for?",
  SCRIPT_REFUSED:
    "Is it a replica, has it memory left, may the user run scripts (EVALSHA, SCRIPT LOAD, GET, SET) and choose the database (SELECT)?"
}

/** Redis can keep the counts of limits. Without it a gateway serves all the same, and counts for itself. */
export const checkRedis = Effect.gen(function* () {
  const { redisUrl } = yield* Settings
  if (redisUrl === undefined) return yield* new Skipped({ detail: "no REDIS_URL" })
  yield* Effect.mapError(
    probeRedis(Redacted.value(redisUrl)),
    (reason) =>
      new CheckFailure({
        detail: `limits are not shared: ${reason}`,
        hint: hints[reason] ?? "Is REDIS_URL right: scheme, user, password, host, port, database?"
      })
  )
  return "keeps the limits"
})
