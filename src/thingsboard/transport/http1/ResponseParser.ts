/**
 * Parses one response from bytes as they arrive; no I/O. It throws `ExchangeFailure` for everything irregular: the connection must then be
 * closed, because it is uncertain where the response ends.
 */
import { ChunkDecoder } from "./ChunkDecoder.ts"
import { ExchangeFailure, malformed } from "./ExchangeFailure.ts"
import { LineBuffer } from "./LineBuffer.ts"
import { type Framing, framingOf, parseHead, type ResponseHead } from "./responseHead.ts"

export interface ResponseEvents {
  /** Called once, before any of the body. `length` is undefined if the response does not say it. */
  readonly onHead: (head: ResponseHead, length: number | undefined) => void
  /** A view of the bytes that were pushed. Never empty. */
  readonly onBody: (bytes: Buffer) => void
}

export interface ParserOptions {
  /** The response to a HEAD request has no body, whatever its fields say. */
  readonly isHead?: boolean
  /** Bytes of a body. */
  readonly maxBody?: number
}

/** The H of `HTTP/1.1`. */
const firstOfHead = 0x48
const endOfHead = Buffer.from("\r\n\r\n")
/** Of the status line and all fields, and of the trailers. */
const maxHead = 64 * 1024
/** Interim responses (1xx) before the final one. */
const maxInterim = 10

export class ResponseParser {
  private readonly head = new LineBuffer(endOfHead, maxHead, "fields too long")
  private framing: Framing | undefined
  private chunks: ChunkDecoder | undefined
  private interim = 0
  private received = 0
  private persistent = false
  private done = false

  constructor(
    private readonly events: ResponseEvents,
    private readonly options: ParserOptions = {}
  ) {}

  /** Whether the response is complete. */
  get isDone() {
    return this.done
  }

  /** Whether the connection can carry another request. */
  get isReusable() {
    return this.done && this.persistent
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return
    const at = this.framing === undefined ? this.readHeads(bytes) : 0
    if (at === undefined) return
    if (this.readBody(bytes, at) < bytes.length) {
      this.persistent = false
      throw malformed("bytes after the response")
    }
  }

  /** The server has closed its side of the connection in an orderly way. Only some responses end like this. */
  end(): void {
    if (this.done) return
    if (this.framing?.by !== "close") throw new ExchangeFailure("broken", "truncated response")
    this.done = true
  }

  /** The position after the final head, or undefined if it is not complete. */
  private readHeads(bytes: Buffer): number | undefined {
    for (let at = 0; at < bytes.length;) {
      // Another protocol might never send the end of a head, and the call would wait until its deadline.
      if (this.head.isEmpty && bytes[at] !== firstOfHead) throw malformed("not HTTP")
      const taken = this.head.take(bytes, at)
      if (taken === undefined) return undefined
      at = taken.next
      const head = parseHead(taken.text)
      if (head.status >= 200) {
        this.begin(head)
        return at
      }
      // We never ask for another protocol.
      if (head.status === 101) throw malformed("switches the protocol")
      if (++this.interim > maxInterim) throw malformed("too many interim responses")
    }
    return undefined
  }

  private begin(head: ResponseHead) {
    const framing = framingOf(head, this.options.isHead === true)
    this.framing = framing
    this.persistent = head.isPersistent && framing.by !== "close"
    if (framing.by === "length") this.requireSize(framing.length)
    if (framing.by === "chunks") this.chunks = new ChunkDecoder(maxHead, (bytes) => this.emit(bytes))
    this.events.onHead(head, framing.by === "length" ? framing.length : framing.by === "none" ? 0 : undefined)
  }

  /** The position after what belongs to this response. */
  private readBody(bytes: Buffer, from: number): number {
    const framing = this.framing!
    if (this.done) return from
    switch (framing.by) {
      case "none":
        this.done = true
        return from
      case "close":
        if (from < bytes.length) this.emit(bytes.subarray(from))
        return bytes.length
      case "length": {
        const end = Math.min(bytes.length, from + framing.length - this.received)
        if (end > from) this.emit(bytes.subarray(from, end))
        this.done = this.received === framing.length
        return end
      }
      case "chunks": {
        const end = this.chunks!.push(bytes, from)
        this.done = end !== undefined
        return end ?? bytes.length
      }
    }
  }

  private emit(bytes: Buffer) {
    this.received += bytes.length
    this.requireSize(this.received)
    this.events.onBody(bytes)
  }

  private requireSize(size: number) {
    if (size > (this.options.maxBody ?? Number.POSITIVE_INFINITY)) throw new ExchangeFailure("tooLarge", "body too large")
  }
}
