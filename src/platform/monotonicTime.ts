/**
 * Time for measuring durations: the system's clock can step in both directions, when it is corrected or a virtual machine resumes. A
 * pause, a lifetime or a rate limit that is measured with it would end too early, or wait for the whole step.
 */
import { type Duration, Clock, Effect } from "effect"

/** Milliseconds since an arbitrary moment, never going back. Only differences have a meaning. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

export const currentMonotonicMillis: Effect.Effect<number> = Effect.map(Clock.Clock, monotonicMillis)

/** A clock that counts from `origin` and never steps, for code of Effect that measures durations with the system's clock. */
class MonotonicClock implements Clock.Clock {
  private readonly start: bigint

  constructor(
    private readonly base: Clock.Clock,
    private readonly originNanos: bigint
  ) {
    this.start = base.monotonicTimeNanosUnsafe()
  }

  currentTimeMillisUnsafe = () => Number(this.currentTimeNanosUnsafe() / 1_000_000n)
  readonly currentTimeMillis = Effect.sync(this.currentTimeMillisUnsafe)
  currentTimeNanosUnsafe = () => this.originNanos + this.base.monotonicTimeNanosUnsafe() - this.start
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  monotonicTimeNanosUnsafe = () => this.base.monotonicTimeNanosUnsafe()
  readonly monotonicTimeNanos = Effect.sync(() => this.base.monotonicTimeNanosUnsafe())
  sleep = (duration: Duration.Duration) => this.base.sleep(duration)
}

/** Runs an effect with a clock that never steps. Do not use it around anything that needs the date. */
export const withMonotonicClock = Effect.map(Clock.Clock, (base) => {
  const clock = new MonotonicClock(base, base.currentTimeNanosUnsafe())
  return <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => Effect.provideService(effect, Clock.Clock, clock)
})
