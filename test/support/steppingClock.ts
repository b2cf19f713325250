/** The real clock, whose date can be changed as an administrator or a time server would: durations continue as before. */
import { Clock, Effect } from "effect"

export const makeSteppingClock = (initialStepMillis = 0) => {
  const base = Clock.Clock.defaultValue()
  let step = initialStepMillis
  let passed = 0
  const date = () => base.currentTimeMillisUnsafe() + passed + step
  const nanos = () => base.currentTimeNanosUnsafe() + BigInt(passed + step) * 1_000_000n
  const monotonic = () => base.monotonicTimeNanosUnsafe() + BigInt(passed) * 1_000_000n
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: date,
    currentTimeMillis: Effect.sync(date),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) => base.sleep(duration)
  }
  return {
    clock,
    /** Changes the date only. */
    stepBy: (millis: number) => void (step += millis),
    /** Lets time pass. */
    pass: (millis: number) => void (passed += millis)
  }
}
