/** Time that passes only when a test says so, and timers that run then. */
export const manualTimers = () => {
  let time = 0
  const timers = new Set<{ readonly at: number; readonly run: () => void }>()
  return {
    /** Ms. */
    now: () => time,
    schedule: (millis: number, run: () => void) => {
      const timer = { at: time + millis, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    moveTo: (to: number) => {
      time = to
      for (const timer of timers)
        if (timer.at <= time) {
          timers.delete(timer)
          timer.run()
        }
    },
    /** Timers that have not run. */
    pending: () => timers.size
  }
}
