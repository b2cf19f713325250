import { Effect, Schedule } from "effect"
import type { ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"

/** Failures that may be gone at the next try. */
const isPassing = ({ reason }: ThingsBoardError) =>
  reason._tag === "Unavailable" || reason._tag === "Timeout" || reason._tag === "RateLimited"

const backoff = Schedule.exponential("200 millis").pipe(Schedule.jittered)

/** Reads a page, and tries again when that may help. None of its bytes was handed on yet, so nobody notices. */
export const retrying = <A, R>(read: Effect.Effect<A, ThingsBoardError, R>) =>
  Effect.retry(read, { while: isPassing, schedule: backoff, times: 4 })
