/** Resends per second that are always allowed. */
const baseRate = 10
/** Resends per call, above that. */
const share = 0.1
/** How many unused ones are kept. */
const maxSaved = 50

/**
 * Limits how often calls are sent again: up to a tenth of the calls, and ten per second. Single failures stay unnoticed, but when ThingsBoard is
 * overloaded or away, resends do not multiply its load.
 */
export class RetryBudget {
  private saved = maxSaved
  private at = 0

  /** Counts a call. */
  recordCall() {
    this.saved = Math.min(maxSaved, this.saved + share)
  }

  /** Whether a call may be sent again at this time (ms of a clock that does not step). */
  tryResend(now: number): boolean {
    if (this.at > 0) this.saved = Math.min(maxSaved, this.saved + (baseRate * (now - this.at)) / 1000)
    this.at = now
    if (this.saved < 1) return false
    this.saved--
    return true
  }
}
