import { type Clock, Effect } from "effect"

interface Times {
  /** The date, in ms and in ns. */
  readonly millis: () => number
  readonly nanos: () => bigint
  /** Ns that never go back. */
  readonly monotonicNanos: () => bigint
  readonly sleep: Clock.Clock["sleep"]
}

/** A clock that shows these times. */
export const clockOf = ({ millis, monotonicNanos, nanos, sleep }: Times): Clock.Clock => ({
  currentTimeMillisUnsafe: millis,
  currentTimeMillis: Effect.sync(millis),
  currentTimeNanosUnsafe: nanos,
  currentTimeNanos: Effect.sync(nanos),
  monotonicTimeNanosUnsafe: monotonicNanos,
  monotonicTimeNanos: Effect.sync(monotonicNanos),
  sleep
})
