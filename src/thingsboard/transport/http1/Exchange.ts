/** One request and its response, on one connection at a time. */
import { type Body, BodyQueue } from "./BodyQueue.ts"
import { ExchangeFailure } from "./ExchangeFailure.ts"
import type { Fields } from "./Fields.ts"
import type { HttpRequest } from "./request.ts"
import type { ResponseHead } from "./responseHead.ts"

export interface HttpResponse {
  readonly status: number
  readonly fields: Fields
  /** Bytes of the body, if the response says it. */
  readonly length: number | undefined
  readonly body: Body
}

/** One of these is called once, and never before `send` has returned; neither is after the exchange was cancelled. */
export interface ExchangeEvents {
  /** The head is there. If the body cannot be read to its end, reading it fails. */
  readonly onResponse: (response: HttpResponse) => void
  readonly onFailure: (failure: ExchangeFailure) => void
}

/** What an exchange needs of the connection that carries it. */
export interface Carrier {
  readonly pause: () => void
  readonly resume: () => void
  readonly destroy: () => void
}

const requestTimeout = 408

export class Exchange {
  private response: (HttpResponse & { readonly body: BodyQueue }) | undefined
  private carrier: Carrier | undefined
  private isStale = false
  private isOver = false
  private isAnnounced = false
  /** Whether any byte was written on any connection. */
  isWritten = false

  constructor(
    readonly request: HttpRequest,
    readonly parts: ReadonlyArray<Buffer>,
    private readonly events: ExchangeEvents
  ) {}

  /** Whether it was cancelled, has failed or is complete. */
  get isFinished() {
    return this.isOver
  }

  /** `isStale`: the connection has carried another exchange, so the server may be about to close it. */
  begin(carrier: Carrier, isStale: boolean) {
    this.carrier = carrier
    this.isStale = isStale
  }

  receiveHead({ fields, status }: ResponseHead, length: number | undefined) {
    // Some proxies send this on an idle connection before they close it: it is not about this request.
    if (status === requestTimeout && this.canMove) throw new ExchangeFailure("broken", "timeout of an idle connection")
    this.response = { status, fields, length, body: new BodyQueue(this) }
  }

  receiveBody(bytes: Buffer) {
    this.response!.body.push(bytes)
  }

  /** Called when all bytes that came with the head have been received. */
  announce() {
    if (this.isAnnounced || this.response === undefined) return
    this.isAnnounced = true
    this.events.onResponse(this.response)
  }

  complete() {
    this.isOver = true
    this.carrier = undefined
    this.response!.body.end()
    this.announce()
  }

  fail(failure: ExchangeFailure) {
    if (this.isOver) return
    this.isOver = true
    this.carrier = undefined
    const known = failure.isWritten === this.isWritten ? failure : new ExchangeFailure(failure.kind, failure.message, this.isWritten)
    if (this.isAnnounced) return this.response!.body.fail(known)
    this.isAnnounced = true
    this.events.onFailure(known)
  }

  /** Whether a failure only says that this connection was at its end, so that the exchange can begin again on a new one. */
  get canMove() {
    return this.isStale && !this.isOver && this.response === undefined && (this.request.isRepeatable || !this.isWritten)
  }

  /** Closes the connection, unless the response is complete. Nothing is called any more; a part of the body that is being read fails. */
  cancel() {
    if (this.isOver) return
    const { carrier } = this
    if (!this.isAnnounced) this.isAnnounced = this.isOver = true
    else this.fail(new ExchangeFailure("cancelled"))
    this.carrier = undefined
    carrier?.destroy()
  }

  pauseReading() {
    this.carrier?.pause()
  }

  resumeReading() {
    this.carrier?.resume()
  }
}
