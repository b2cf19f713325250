/**
 * Stops calling a ThingsBoard that fails most of the time: callers learn so at once instead of after a timeout, and ThingsBoard is left in peace to come back.
 * After a pause, one call is let through as a probe. If it succeeds, all others follow; if not, the next pause is longer.
 *
 * Effect's own breaker is experimental and runs each call inside an Effect of its own. This one is asked once per attempt, where the outcome is known.
 */

/** `unknown`: the call ended for another reason than an answer or a failure of ThingsBoard, such as a client that has left. */
export type Outcome = "ok" | "failed" | "unknown"

/** Permission for a call: as usual, or as the probe; or how many ms are left of the pause. */
export type Entry = "pass" | "probe" | number

/** Seconds over which calls are counted. */
const window = 10
/** It opens when at least this part of the calls in the window has failed. */
const minFailedPart = 0.5
/** Ms. */
const maxPause = 60_000
/** Ms after which callers may ask again while a probe is on its way. */
export const probeWait = 1000

const never = Number.NEGATIVE_INFINITY

/** The calls of one second. */
interface Count {
  second: number
  failed: number
  total: number
}

export interface CircuitBreakerOptions {
  /** Failed calls in the window that open it. */
  readonly minFailed: number
  /** Ms of the first pause; each one is twice as long as the one before, up to a minute, with a random factor between 0.8 and 1.2. */
  readonly firstPause: number
  readonly onChange?: (isOpen: boolean, pauseMillis: number) => void
  readonly random?: () => number
}

/** Times are in ms of a clock that does not step. */
export class CircuitBreaker {
  private readonly counts: ReadonlyArray<Count> = Array.from({ length: window }, () => ({ second: never, failed: 0, total: 0 }))
  /** The end of the pause; undefined while it is closed. */
  private openUntil: number | undefined
  private pauses = 0
  private isProbing = false

  constructor(private readonly options: CircuitBreakerOptions) {}

  get isOpen(): boolean {
    return this.openUntil !== undefined
  }

  enter(now: number): Entry {
    if (this.openUntil === undefined) return "pass"
    if (now < this.openUntil) return this.openUntil - now
    if (this.isProbing) return probeWait
    this.isProbing = true
    return "probe"
  }

  /** To be called once for each call that was let through. */
  record(outcome: Outcome, entry: "pass" | "probe", now: number) {
    if (entry === "probe") {
      this.isProbing = false
      if (outcome === "ok") this.close()
      else if (outcome === "failed") this.open(now)
      return
    }
    // Calls that began before it opened say nothing new.
    if (outcome === "unknown" || this.openUntil !== undefined) return
    const count = this.countOf(now)
    count.total++
    if (outcome === "ok") return
    count.failed++
    if (this.isFailing(now)) this.open(now)
  }

  private countOf(now: number): Count {
    const second = Math.floor(now / 1000)
    const count = this.counts[second % window]!
    if (count.second !== second) {
      count.second = second
      count.failed = 0
      count.total = 0
    }
    return count
  }

  private isFailing(now: number): boolean {
    const oldest = Math.floor(now / 1000) - window
    let [failed, total] = [0, 0]
    for (const count of this.counts) {
      if (count.second <= oldest) continue
      failed += count.failed
      total += count.total
    }
    return failed >= this.options.minFailed && failed >= minFailedPart * total
  }

  private open(now: number) {
    const { firstPause, onChange, random = Math.random } = this.options
    const wasOpen = this.isOpen
    const pause = Math.min(maxPause, firstPause * 2 ** this.pauses++) * (0.8 + 0.4 * random())
    this.openUntil = now + pause
    if (!wasOpen) onChange?.(true, pause)
  }

  private close() {
    this.openUntil = undefined
    this.pauses = 0
    for (const count of this.counts) count.second = never
    this.options.onChange?.(false, 0)
  }
}
