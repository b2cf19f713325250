/**
 * One call to ThingsBoard for everybody who waits for it. Whoever begins it makes it in their own fiber, since most calls have no others who wait. If that
 * caller leaves, the attempt goes on for the others; the last one who leaves ends it.
 *
 * `singleFlight` in `auth` is for work that is worth finishing when nobody waits any more, such as a login.
 */
import { Cause, Effect, Exit, type Fiber } from "effect"
import { CurrentExchange, type Exchange } from "../../platform/Exchange.ts"
import { afterMillis } from "../../platform/sharedTimer.ts"
import { OutOfMemory, requestTimedOut, ResponseTooLarge, ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { maxUncountedBytes } from "../transport/readResponse.ts"
import type { Adopter, CallSharing } from "../transport/Call.ts"
import type { Topic } from "./callKind.ts"

type Response = Buffer<ArrayBuffer>
type Result = Effect.Effect<Response, ThingsBoardError>

interface Waiter extends Adopter {
  readonly again: Result
  readonly resume: (result: Result) => void
}

/** Reserves the memory for a response that somebody else's call has read. The bytes are shared, but they are passed on as a copy. */
export const reserveCopy = (bytes: Response, exchange: Exchange | undefined): Result => {
  if (bytes.length <= maxUncountedBytes || exchange === undefined) return Effect.succeed(bytes)
  const reservation = exchange.reservationFor("responses")
  if (reservation === undefined || reservation.tryReserve(bytes.length)) return Effect.succeed(bytes)
  if (bytes.length > reservation.maxBytes)
    return Effect.fail(new ThingsBoardError({ reason: new ResponseTooLarge({ maxBytes: reservation.maxBytes }) }))
  return Effect.flatMap(
    Effect.promise(async (signal) => await reservation.reserve(bytes.length, signal)),
    (reserved) => (reserved ? Effect.succeed(bytes) : Effect.fail(new ThingsBoardError({ reason: new OutOfMemory() })))
  )
}

/** Whether a call failed for want of the memory that one key may use, or of the time of one request: others may have it. */
const concernsCallerOnly = ({ cause }: Exit.Failure<Response, ThingsBoardError>) =>
  cause.reasons.some(
    (reason) =>
      reason._tag === "Fail" &&
      (reason.error.reason._tag === "OutOfMemory" || (reason.error.reason._tag === "Timeout" && reason.error.reason.limit !== undefined))
  )

export class Flight implements CallSharing {
  /** In the order of their arrival; without the one who began the call. */
  private readonly waiters = new Set<Waiter>()
  /** It has its response, or was canceled: whoever comes now is too late. */
  private isOver = false
  /** Ends the attempt that goes on although whoever began it has left. */
  private stopAttempt: (() => void) | undefined
  /** False once something was written that the response may not contain: it is for those who wait already, and for nobody after them. */
  isCurrent = true

  constructor(
    readonly topics: ReadonlyArray<Topic>,
    private readonly onStart: () => void,
    /** Called before the waiters get the response, or when there will be none. */
    private readonly onEnd: (response: Response | undefined) => void
  ) {}

  /** Makes the call. `send` gives this flight to the transport. */
  begin(send: Result): Result {
    return Effect.suspend(() => {
      this.onStart()
      return Effect.onExit(send, (exit) => Effect.sync(() => this.endWith(exit)))
    })
  }

  /**
   * Waits for the call, as long as the time of the waiter's own request allows. `now`: ms of the monotonic clock. `again`: what a waiter does
   * instead if there is no response that it can use.
   */
  join(fiber: Fiber.Fiber<unknown, unknown>, now: number, again: Result): Result {
    return Effect.callback<Response, ThingsBoardError>((resume) => {
      // Fibers take turns: this one may have found the call before it was over.
      if (this.isOver) return resume(again)
      const exchange = fiber.getRef(CurrentExchange)
      const deadline = exchange?.deadlineFrom(now)
      const giveUp = () => {
        this.leave(waiter)
        resume(Effect.fail(requestTimedOut()))
      }
      const cancelTimer = deadline === undefined ? () => {} : afterMillis(deadline - now, giveUp)
      const waiter: Waiter = {
        exchange,
        again,
        resume: (result) => {
          cancelTimer()
          resume(result)
        }
      }
      this.waiters.add(waiter)
      return Effect.sync(() => {
        cancelTimer()
        this.leave(waiter)
      })
    })
  }

  adopt(stop: () => void): Adopter | undefined {
    const [first] = this.waiters
    if (first !== undefined) this.stopAttempt = stop
    return first
  }

  settle(response: Response | undefined) {
    if (response === undefined) this.end(undefined, ({ again, resume }) => resume(again))
    else this.end(response, ({ exchange, resume }) => resume(reserveCopy(response, exchange)))
  }

  private endWith(exit: Exit.Exit<Response, ThingsBoardError>) {
    if (Exit.isSuccess(exit)) return this.settle(exit.value)
    // Its caller has left, but the attempt goes on.
    if (this.stopAttempt !== undefined) return
    if (Cause.hasInterrupts(exit.cause) || concernsCallerOnly(exit)) return this.settle(undefined)
    this.end(undefined, ({ resume }) => resume(exit))
  }

  private leave(waiter: Waiter) {
    this.waiters.delete(waiter)
    if (this.stopAttempt === undefined || this.waiters.size > 0 || this.isOver) return
    this.end(undefined, () => {})
    this.stopAttempt()
  }

  private end(response: Response | undefined, tell: (waiter: Waiter) => void) {
    if (this.isOver) return
    this.isOver = true
    this.onEnd(response)
    for (const waiter of this.waiters) tell(waiter)
  }
}
