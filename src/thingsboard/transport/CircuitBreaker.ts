/**
 * Stops calling a ThingsBoard that fails most of the time: callers learn so at once instead of after a timeout, and ThingsBoard is left in peace to come back.
 * After a pause, one call is let through as a probe. If it succeeds, all others follow; if not, the next pause is longer.
 *
 * Several gateways can share this (`sharedPauses.ts`): then all pause when one of them does, and one at a time may send a probe.
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
/** With the random factor. */
const longestPause = 1.2 * maxPause
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
  /** This gateway's own calls have begun a pause, the first one or a longer one, or ended the last one. */
  readonly onOwnPause?: (pauseMillis: number) => void
  readonly onOwnEnd?: () => void
  readonly random?: () => number
}

/** Times are in ms of a clock that does not step. */
export class CircuitBreaker {
  private readonly counts: ReadonlyArray<Count> = Array.from({ length: window }, () => ({ second: never, failed: 0, total: 0 }))
  /** The end of the pause; undefined while it is closed. */
  private openUntil: number | undefined
  private pauses = 0
  private probing = false
  /** Whether its own calls opened it. */
  private isOwn = false
  /** Until when it may send a probe; undefined if it needs no permission. */
  private permittedUntil: number | undefined
  private wasAsked = false

  constructor(private readonly options: CircuitBreakerOptions) {}

  get isOpen(): boolean {
    return this.openUntil !== undefined
  }

  enter(now: number): Entry {
    if (this.openUntil === undefined) return "pass"
    if (now < this.openUntil) return this.openUntil - now
    if (this.probing) return probeWait
    if (this.permittedUntil !== undefined && now >= this.permittedUntil) {
      this.wasAsked = true
      return probeWait
    }
    this.probing = true
    return "probe"
  }

  get isProbing(): boolean {
    return this.probing
  }

  /** Whether a call could be the probe, if that were permitted. */
  get needsPermission(): boolean {
    return this.isOpen && this.wasAsked && !this.probing
  }

  /** From now on probes need permission, which is given for some ms; or they need none, if `millis` is undefined. */
  permitProbe(millis: number | undefined, now: number) {
    this.permittedUntil = millis === undefined ? undefined : now + millis
    if (millis !== 0) this.wasAsked = false
  }

  /**
   * Another gateway has opened its breaker. Whoever has had a good response within the last second goes on: then it is the other gateway's network that fails,
   * and this must not stop all of them.
   */
  follow(pauseMillis: number, now: number) {
    if (this.probing || this.hasSucceededLately(now)) return
    const wasOpen = this.isOpen
    this.openUntil = Math.max(this.openUntil ?? 0, now + Math.min(pauseMillis, longestPause))
    if (!wasOpen) this.options.onChange?.(true, pauseMillis)
  }

  /** Another gateway's probe has succeeded. If this breaker was opened by its own calls, they also have to show it: it may send a probe. */
  followEnd(now: number) {
    if (this.openUntil === undefined || now < this.openUntil || this.probing) return
    if (this.isOwn) this.permitProbe(probeWait, now)
    else this.close()
  }

  /** To be called once for each call that was let through. */
  record(outcome: Outcome, entry: "pass" | "probe", now: number) {
    if (entry === "probe") {
      this.probing = false
      if (outcome === "ok") {
        this.close()
        this.countOf(now).total++
        this.options.onOwnEnd?.()
      } else if (outcome === "failed") this.open(now)
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

  private hasSucceededLately(now: number): boolean {
    const second = Math.floor(now / 1000)
    return this.counts.some((count) => count.second >= second - 1 && count.total > count.failed)
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
    const { firstPause, onChange, onOwnPause, random = Math.random } = this.options
    const wasOpen = this.isOpen
    const pause = Math.min(maxPause, firstPause * 2 ** this.pauses++) * (0.8 + 0.4 * random())
    this.openUntil = now + pause
    this.isOwn = true
    this.wasAsked = false
    if (!wasOpen) onChange?.(true, pause)
    onOwnPause?.(pause)
  }

  private close() {
    this.openUntil = undefined
    this.pauses = 0
    this.isOwn = false
    this.wasAsked = false
    for (const count of this.counts) count.second = never
    this.options.onChange?.(false, 0)
  }
}
