/** The real clock, whose date can be changed as an administrator or a time server would: durations continue as before. */
import { Clock } from "effect"
import { clockOf } from "./clockOf.ts"

export const makeSteppingClock = (initialStepMillis = 0) => {
  const base = Clock.Clock.defaultValue()
  let step = initialStepMillis
  let passed = 0
  const clock = clockOf({
    millis: () => base.currentTimeMillisUnsafe() + passed + step,
    nanos: () => base.currentTimeNanosUnsafe() + BigInt(passed + step) * 1_000_000n,
    monotonicNanos: () => base.monotonicTimeNanosUnsafe() + BigInt(passed) * 1_000_000n,
    sleep: (duration) => base.sleep(duration)
  })
  return {
    clock,
    /** Changes the date only. */
    stepBy: (millis: number) => void (step += millis),
    /** Lets time pass. */
    pass: (millis: number) => void (passed += millis)
  }
}
