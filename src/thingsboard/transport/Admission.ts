import { QueueFull, RateLimitPaused, ThingsBoardError } from "../errors/ThingsBoardError.ts"
import type { Call } from "./Call.ts"
import type { CallLimits, Slot } from "./CallLimits.ts"
import type { Pass, UserPauses } from "./UserPauses.ts"

export interface AdmissionOptions {
  readonly limits: CallLimits
  readonly pauses: UserPauses
  /** When the call's time is over, in ms of the monotonic clock. */
  readonly deadline: number
  readonly start: () => void
  /** It cannot be sent in time. */
  readonly reject: (error: ThingsBoardError) => void
}

const paused = (millis: number) => new ThingsBoardError({ reason: new RateLimitPaused({ retryAfterMs: Math.max(1, Math.ceil(millis)) }) })
const queueFull = () => new ThingsBoardError({ reason: new QueueFull() })

/**
 * The way of one call to ThingsBoard: first its user must not be paused after a 429, then there must be room for it. Logins and probes are not limited, but those
 * that ThingsBoard counts for a user are not sent while the user is paused.
 */
export class Admission {
  private hasStarted = false
  private isOver = false
  private pass: Pass | undefined
  private slot: Slot | undefined
  private endWait: (() => void) | undefined

  constructor(
    private readonly call: Call,
    private readonly options: AdmissionOptions
  ) {}

  /** Calls `start` or `reject`, now or later; neither after `leave`. */
  enter() {
    const { share = this.call.isWrite === true ? "write" : "read", user } = this.call
    const { limits, pauses, reject, start } = this.options
    if (share === "session") {
      const wait = user === undefined ? 0 : pauses.remaining(user)
      if (wait > 0) return reject(paused(wait))
      this.pass = pauses.uncounted
      this.hasStarted = true
      return start()
    }
    if (!this.mayCall()) return this.wait()
    this.slot = limits.enter(share, () => this.begin())
    // It may have failed at once, before the slot was known.
    if (this.isOver) this.slot?.leave()
    else if (this.slot === undefined) reject(queueFull())
  }

  /** Why a call has no response, if it was never sent. */
  get notSent(): ThingsBoardError | undefined {
    if (this.hasStarted) return undefined
    return this.endWait === undefined ? queueFull() : paused(this.options.pauses.remaining(this.call.user!))
  }

  /** The call got 429. Returns the ms for which its user is paused. */
  recordLimit(askedMillis: number | undefined): number | undefined {
    const { user } = this.call
    return user === undefined || this.pass === undefined ? askedMillis : this.options.pauses.recordLimit(user, this.pass, askedMillis)
  }

  /** The call has ended, or is not wanted any more. Can be repeated. */
  leave(isAccepted: boolean) {
    if (this.isOver) return
    this.isOver = true
    this.endWait?.()
    this.slot?.leave()
    if (this.pass?.state !== undefined) this.options.pauses.leave(this.call.user!, this.pass, isAccepted && this.hasStarted)
  }

  private mayCall(): boolean {
    const { user } = this.call
    if (user === undefined) return true
    this.pass = this.options.pauses.enter(user, this.pass)
    return this.pass !== undefined
  }

  /** There is room for it. Its user may have been paused in the meantime. */
  private begin(): boolean {
    if (!this.mayCall()) {
      this.wait()
      return false
    }
    this.hasStarted = true
    this.options.start()
    return true
  }

  private wait() {
    const { deadline, limits, pauses, reject } = this.options
    const user = this.call.user!
    if (!pauses.endsBefore(user, deadline)) return reject(paused(pauses.remaining(user)))
    if (!limits.tryWait()) return reject(queueFull())
    const cancel = pauses.wait(user, {
      deadline,
      resume: (pass) => {
        this.pass = pass
        end()
        this.enter()
      },
      reject: (millis) => reject(paused(millis))
    })
    const end = () => {
      cancel()
      limits.endWait()
      this.endWait = undefined
    }
    this.endWait = end
  }
}
