/** The real clock, which a test can move forward. Waiting takes real time, or less by a factor, so that retries with long pauses end soon. */
import { Clock, Duration, Effect } from "effect"
import { clockOf } from "./clockOf.ts"

export const makeFastClock = (speed: number) =>
  Effect.map(Clock.Clock, (real) => {
    let offset = 0
    const clock = clockOf({
      millis: () => real.currentTimeMillisUnsafe() + offset,
      nanos: () => real.currentTimeNanosUnsafe() + BigInt(offset) * 1_000_000n,
      monotonicNanos: () => real.monotonicTimeNanosUnsafe() + BigInt(offset) * 1_000_000n,
      sleep: (duration) => real.sleep(Duration.millis(Duration.toMillis(duration) / speed))
    })
    return { clock, moveForward: (by: Duration.Input) => (offset += Duration.toMillis(by)) }
  })

export const makeMovableClock = makeFastClock(1)
