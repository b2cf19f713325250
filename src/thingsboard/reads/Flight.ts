/**
 * One call to ThingsBoard for everybody who waits for it. It runs in a fiber of its own, so that whoever leaves does not cancel it for the
 * others; the last one who leaves does.
 *
 * `singleFlight` in `auth` is for work that is worth finishing when nobody waits any more, such as a login.
 */
import { Context, Effect, Exit, type Fiber } from "effect"
import { CurrentExchange, type Exchange } from "../../platform/BunHttpServer.ts"
import { OutOfMemory, ResponseTooLarge, ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { maxUncountedBytes } from "../transport/readResponse.ts"
import type { Topic } from "./callKind.ts"

type Response = Buffer<ArrayBuffer>
type Result = Effect.Effect<Response, ThingsBoardError>

interface Waiter {
  readonly exchange: Exchange | undefined
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

/** Whether a call failed for want of the memory that one key may use: another key may have it. */
const isOutOfMemory = (exit: Exit.Exit<Response, ThingsBoardError>) =>
  Exit.isFailure(exit) && exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error.reason._tag === "OutOfMemory")

export class Flight {
  /** Whoever began it comes first, unless that one has left. */
  private readonly waiters = new Set<Waiter>()
  private fiber: Fiber.Fiber<Response, ThingsBoardError> | undefined
  /** It has its response, or was canceled: whoever comes now is too late. */
  private isOver = false
  /** False once something was written that the response may not contain: it is for those who wait already, and for nobody after them. */
  isCurrent = true

  constructor(
    readonly topics: ReadonlyArray<Topic>,
    private readonly call: Result,
    private readonly onStart: () => void,
    /** Called before the waiters get the response, or when all of them have left. */
    private readonly onEnd: (response: Response | undefined) => void
  ) {}

  /** `again`: what a waiter does instead who comes too late, or if the memory of the key whose request began the call does not suffice. */
  join(fiber: Fiber.Fiber<unknown, unknown>, again: Result): Result {
    return Effect.callback<Response, ThingsBoardError>((resume) => {
      // Fibers take turns: this one may have found the call before it was over.
      if (this.isOver) return resume(again)
      const exchange = fiber.getRef(CurrentExchange)
      const waiter: Waiter = {
        exchange,
        resume:
          this.fiber === undefined ? resume : (result) => resume(Exit.isExit(result) && isOutOfMemory(result as never) ? again : result)
      }
      this.waiters.add(waiter)
      if (this.fiber === undefined) {
        this.onStart()
        this.start(fiber.context, exchange)
      }
      return Effect.sync(() => this.leave(waiter))
    })
  }

  private start(context: Context.Context<never>, exchange: Exchange | undefined) {
    // The memory of a request is released when it ends, but others may still wait for the response.
    const detached = exchange?.detached()
    this.fiber = Effect.runForkWith(detached === undefined ? context : Context.add(context, CurrentExchange, detached))(this.call)
    this.fiber.addObserver((exit) => this.end(exit, detached))
  }

  private leave(waiter: Waiter) {
    this.waiters.delete(waiter)
    if (this.waiters.size > 0 || this.isOver) return
    this.isOver = true
    this.onEnd(undefined)
    this.fiber?.interruptUnsafe()
  }

  private end(exit: Exit.Exit<Response, ThingsBoardError>, detached: Exchange | undefined) {
    if (!this.isOver) this.onEnd(Exit.isSuccess(exit) ? exit.value : undefined)
    this.isOver = true
    const [first, ...others] = this.waiters
    const reserved = detached?.openReservation("responses")
    const own = reserved === undefined ? undefined : first?.exchange?.reservationFor("responses")
    if (own !== undefined) reserved!.moveTo(own)
    detached?.end()
    first?.resume(exit)
    for (const { exchange, resume } of others) resume(Exit.isSuccess(exit) ? reserveCopy(exit.value, exchange) : exit)
  }
}
