import { Effect, Schedule } from "effect"
import type { EntityNotFound } from "../../domain/Errors.ts"
import { askedPauseOf, failureOf } from "./failures.ts"
import type { ThingsBoardError } from "./ThingsBoardError.ts"

/** Failures that may not happen again. A response that was truncated or garbled on its way is one of them. */
export const isTransient = (error: EntityNotFound | ThingsBoardError) => error._tag === "ThingsBoardError" && failureOf(error).isTransient

/** About twelve seconds of pauses in all. If ThingsBoard hangs, the limit of 45 s ends it after two more timeouts (TB_TIMEOUT, 30 s). */
const backoff = Schedule.exponential("200 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 6, duration: "45 seconds" }))

/** Ms. A stream does not wait longer for ThingsBoard, whatever it asks for. */
const maxAskedPause = 15_000

/** Waits as long as a 502, 503 or 429 with `Retry-After` asks. */
const waitAsAsked = (error: EntityNotFound | ThingsBoardError) => {
  const asked = error._tag === "ThingsBoardError" ? (askedPauseOf(error) ?? 0) : 0
  return asked === 0 ? Effect.void : Effect.sleep(Math.min(asked, maxAskedPause))
}

/**
 * Reads a page of a stream whose first bytes the client already has. After a transient failure it runs `again`, at once and then with
 * pauses: none of the page has been passed on, so the client does not notice. Do not use it for first pages, whose failure can still be
 * reported with an HTTP status.
 */
export const retryTransient = <A, E extends EntityNotFound | ThingsBoardError, R>(
  read: Effect.Effect<A, E, R>,
  again = read,
  mayRetry: (error: E) => boolean = isTransient
): Effect.Effect<A, E, R> => {
  const patient: Effect.Effect<A, E, R> = Effect.tapError(again, waitAsAsked)
  return Effect.catchIf(read, mayRetry, (error) =>
    Effect.andThen(waitAsAsked(error), Effect.retry(patient, { while: mayRetry, schedule: backoff }))
  )
}
