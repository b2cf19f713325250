import { Effect, Schedule } from "effect"
import type { EntityNotFound } from "../../domain/Errors.ts"
import type { ThingsBoardError } from "./ThingsBoardError.ts"

/** Failures that may be gone at the next try; an answer that was cut or garbled on its way is one of them. */
const isPassing = (error: EntityNotFound | ThingsBoardError) => {
  if (error._tag !== "ThingsBoardError") return false
  const { _tag: tag } = error.reason
  return tag === "Unavailable" || tag === "Timeout" || tag === "RateLimited" || tag === "InvalidResponse"
}

/** Some twelve seconds of pauses; a ThingsBoard that hangs is given up after two more of its timeouts. */
const backoff = Schedule.exponential("200 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 6, duration: "45 seconds" }))

/**
 * Reads a page of a stream that is on its way to a client; when that fails and may work later, reads `again`, at once and then with
 * pauses. None of its bytes was handed on yet, so nobody notices. First pages do without: their failure is an answer with a status.
 */
export const retryTransient = <A, E extends EntityNotFound | ThingsBoardError, R>(
  read: Effect.Effect<A, E, R>,
  again = read
): Effect.Effect<A, E, R> => Effect.catchIf(read, isPassing, () => Effect.retry(again, { while: isPassing, schedule: backoff }))
