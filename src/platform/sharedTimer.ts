/**
 * Timers that nearly always are cancelled before they end, such as those of calls and requests. All of them share one timer of the system, since starting
 * and stopping one for each call costs more than keeping them in lists. They are up to `tick` ms late, and do not keep the process running.
 */

/** Ms. */
const tick = 4

interface Entry {
  readonly run: () => void
}

/** What is due by the end of each tick. */
const due = new Map<number, Set<Entry>>()
let timer: ReturnType<typeof setTimeout> | undefined
/** The tick for which the timer is set. */
let nextTick = Number.POSITIVE_INFINITY

const wake = () => {
  const now = performance.now() / tick
  nextTick = Number.POSITIVE_INFINITY
  const ended: Array<number> = []
  let next = Number.POSITIVE_INFINITY
  for (const at of due.keys()) {
    if (at > now) next = Math.min(next, at)
    else ended.push(at)
  }
  if (next < Number.POSITIVE_INFINITY) setTimer(next)
  for (const at of ended.toSorted((a, b) => a - b)) {
    // Each may cancel others of the same tick.
    for (const { run } of due.get(at) ?? []) run()
    due.delete(at)
  }
}

const setTimer = (at: number) => {
  clearTimeout(timer)
  nextTick = at
  timer = setTimeout(wake, Math.max(1, Math.ceil(at * tick - performance.now())))
  timer.unref()
}

/** Calls `run` after `millis`. The returned function cancels that. */
export const afterMillis = (millis: number, run: () => void): (() => void) => {
  const at = Math.ceil((performance.now() + millis) / tick)
  const entry: Entry = { run }
  const entries = due.get(at)
  if (entries === undefined) due.set(at, new Set([entry]))
  else entries.add(entry)
  if (at < nextTick) setTimer(at)
  return () => {
    const found = due.get(at)
    if (found?.delete(entry) === true && found.size === 0) due.delete(at)
  }
}
