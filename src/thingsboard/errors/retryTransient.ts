import { Effect, Schedule } from "effect"
import type { EntityNotFound } from "../../domain/Errors.ts"
import { failureOf } from "./failures.ts"
import type { ThingsBoardError } from "./ThingsBoardError.ts"

/** Failures that may not happen again. A response that was truncated or garbled on its way is one of them. */
export const isTransient = (error: EntityNotFound | ThingsBoardError) => error._tag === "ThingsBoardError" && failureOf(error).isTransient

/** About twelve seconds of pauses in all. If ThingsBoard hangs, the limit of 45 s ends it after two more timeouts (TB_TIMEOUT, 30 s). */
const backoff = Schedule.exponential("200 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 6, duration: "45 seconds" }))

/**
 * Reads a page of a stream whose first bytes the client already has. After a transient failure it runs `again`, at once and then with
 * pauses: none of the page has been passed on, so the client does not notice. Do not use it for first pages, whose failure can still be
 * reported with an HTTP status.
 */
export const retryTransient = <A, E extends EntityNotFound | ThingsBoardError, R>(
  read: Effect.Effect<A, E, R>,
  again = read,
  mayRetry: (error: E) => boolean = isTransient
): Effect.Effect<A, E, R> => Effect.catchIf(read, mayRetry, () => Effect.retry(again, { while: mayRetry, schedule: backoff }))
