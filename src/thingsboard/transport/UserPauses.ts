/**
 * Pauses after 429: ThingsBoard counts the calls of all users of a tenant, or of a customer, together, and each call beyond the limit is wasted. So after
 * one 429 no call is made for that user of ThingsBoard for a while. Calls that have the time wait; other users' calls go on, until they get a 429 too.
 *
 * After the pause one call is made, and then twice as many each time, so that the waiting ones do not all arrive at the same moment. From half the number at
 * which ThingsBoard last rejected one, it is one more each time.
 */

/** Ms. A longer pause that ThingsBoard, or a proxy, asks for is passed on to the caller, but the user is tried earlier. */
export const maxPause = 30_000
/** Ms of the first pause if the 429 asks for none. Each one is twice as long as the one before, with a random factor between 0.8 and 1.2, until a call succeeds. */
const firstPause = 1000

/** A call that waits until its user may call again. */
export interface WaitingCall {
  /** When its time is over, in ms of the monotonic clock. */
  readonly deadline: number
  readonly resume: (pass: Pass) => void
  /** The pause has become too long for it. */
  readonly reject: (waitMillis: number) => void
}

/** Permission for one call. */
export interface Pass {
  /** How many pauses of any user had begun when it was given. */
  readonly after: number
  /** The user's state, if its calls are let through gradually. */
  readonly state: UserState | undefined
}

/** A user after a 429, until its calls succeed again and none waits. */
interface UserState {
  /** The end of the pause. */
  until: number
  /** The number of its last pause. */
  pause: number
  /** Rejected calls since the last success; of those that were in flight together, only one counts. */
  rejections: number
  /** Of the calls after the pause. */
  inFlight: number
  maxInFlight: number
  /** From here on, `maxInFlight` grows by one per round of calls instead of per call. */
  threshold: number
  readonly waiting: Set<WaitingCall>
  cancelTimer: () => void
}

export interface UserPausesOptions {
  /** Ms of the monotonic clock. */
  readonly now: () => number
  /** Runs something after some ms, unless the returned function is called. */
  readonly schedule: (millis: number, run: () => void) => () => void
  /** A pause has begun because of this gateway's own call. */
  readonly onPause?: (user: string, pauseMillis: number) => void
  readonly random?: () => number
}

export class UserPauses {
  private readonly states = new Map<string, UserState>()
  /** Pauses so far. */
  private count = 0
  /** For calls of users that are not paused. */
  private current: Pass = { after: 0, state: undefined }

  constructor(private readonly options: UserPausesOptions) {}

  /** Users that have to wait at this moment. */
  get paused(): number {
    if (this.states.size === 0) return 0
    const now = this.options.now()
    return [...this.states.values()].filter(({ until }) => now < until).length
  }

  /** Ms until the user's pause ends; 0 without one. */
  remaining(user: string): number {
    const state = this.states.size === 0 ? undefined : this.states.get(user)
    return state === undefined ? 0 : Math.max(0, state.until - this.options.now())
  }

  /** Lets a call through, or undefined if it has to wait. `held`: the pass that it got earlier, before it waited for something else. */
  enter(user: string, held?: Pass): Pass | undefined {
    const state = this.states.size === 0 ? undefined : this.states.get(user)
    if (state === undefined) return this.current
    if (held?.state === state && held.after === state.pause) return held
    this.resume(state)
    if (this.options.now() < state.until || state.waiting.size > 0 || state.inFlight + 1 > state.maxInFlight) return undefined
    state.inFlight++
    return { after: state.pause, state }
  }

  /** A pass for a call that is let through in any case. */
  get uncounted(): Pass {
    return this.current
  }

  /** Whether the pause will end before a time (ms of the monotonic clock). */
  endsBefore(user: string, deadline: number): boolean {
    const state = this.states.get(user)
    return state === undefined || state.until < deadline
  }

  /** For a call that was not let through. The returned function ends its waiting. */
  wait(user: string, call: WaitingCall): () => void {
    const waiting = this.states.get(user)?.waiting
    waiting?.add(call)
    return () => void waiting?.delete(call)
  }

  /** To be called once for each pass, when its call has ended. `isAccepted`: the response was not a 429. */
  leave(user: string, { after, state }: Pass, isAccepted: boolean) {
    // Calls that began before the pause say nothing new.
    if (state === undefined || after !== state.pause) return
    state.inFlight--
    if (isAccepted) {
      state.maxInFlight += state.maxInFlight < state.threshold ? 1 : 1 / state.maxInFlight
      state.rejections = 0
    }
    this.resume(state)
    if (isAccepted && state.waiting.size === 0 && this.states.get(user) === state) this.states.delete(user)
  }

  /** A call got 429. Returns the ms of the pause that is left. */
  recordLimit(user: string, { after }: Pass, askedMillis: number | undefined): number {
    const { now, onPause, random = Math.random } = this.options
    const state = this.states.get(user)
    const isNews = state === undefined || after >= state.pause
    const asked = Math.min(askedMillis ?? 0, maxPause)
    if (isNews) {
      const rejections = state?.rejections ?? 0
      const pause = asked > 0 ? asked : Math.min(maxPause, firstPause * 2 ** rejections * (0.8 + 0.4 * random()))
      this.begin(user, now() + pause).rejections = rejections + 1
      onPause?.(user, pause)
    } else if (now() < state.until && now() + asked > state.until) {
      this.extend(state, now() + asked)
      onPause?.(user, asked)
    }
    return this.remaining(user)
  }

  /** Another gateway has paused this user. */
  follow(user: string, pauseMillis: number) {
    const now = this.options.now()
    const until = now + Math.min(pauseMillis, maxPause)
    const state = this.states.get(user)
    if (state === undefined || now >= state.until) this.begin(user, until)
    else if (until > state.until) this.extend(state, until)
  }

  /** Forgets everything; waiting calls stay where they are. */
  close() {
    for (const { cancelTimer } of this.states.values()) cancelTimer()
    this.states.clear()
  }

  private begin(user: string, until: number): UserState {
    const pause = ++this.count
    this.current = { after: pause, state: undefined }
    const state = this.states.get(user) ?? {
      until,
      pause,
      rejections: 0,
      inFlight: 0,
      maxInFlight: 1,
      threshold: Number.POSITIVE_INFINITY,
      waiting: new Set<WaitingCall>(),
      cancelTimer: () => {}
    }
    state.pause = pause
    state.inFlight = 0
    // As TCP does after a loss: half of what was too much.
    if (state.maxInFlight > 1) state.threshold = state.maxInFlight / 2
    state.maxInFlight = 1
    this.states.set(user, state)
    this.extend(state, until)
    return state
  }

  private extend(state: UserState, until: number) {
    state.until = until
    const left = until - this.options.now()
    for (const call of state.waiting)
      if (call.deadline <= until) {
        state.waiting.delete(call)
        call.reject(left)
      }
    state.cancelTimer()
    state.cancelTimer = this.options.schedule(Math.ceil(left), () => {
      state.until = Math.min(until, this.options.now()) // timers may be a little early
      this.resume(state)
    })
  }

  private resume(state: UserState) {
    if (state.waiting.size === 0 || this.options.now() < state.until) return
    for (const call of state.waiting) {
      if (state.inFlight + 1 > state.maxInFlight) return
      state.waiting.delete(call)
      state.inFlight++
      call.resume({ after: state.pause, state })
    }
  }
}
