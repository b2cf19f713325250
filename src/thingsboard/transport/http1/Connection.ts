import type { ClientSocket, ClosedBy, Connect, Destination } from "../../../platform/ClientSocket.ts"
import type { Carrier, Exchange } from "./Exchange.ts"
import { ExchangeFailure, malformed } from "./ExchangeFailure.ts"
import { ResponseParser } from "./ResponseParser.ts"

export interface ConnectionEvents {
  /** The exchange is complete, and the connection can carry another one. */
  readonly onIdle: (connection: Connection) => void
  /** The connection is closed; the exchange that it carried, if any, has not ended yet. */
  readonly onClosed: (connection: Connection, carried: Exchange | undefined, failure: ExchangeFailure) => void
}

const toFailure = (by: ClosedBy) => new ExchangeFailure(by === "ended" ? "broken" : by, `connection ${by}`)

/** Ms of `timeout=20, max=100`. */
const parseKeepAlive = (value: string): number | undefined => {
  const seconds = /(?:^|[ ,])timeout=(\d{1,6})(?:$|[ ,])/i.exec(value)
  return seconds === null ? undefined : Number(seconds[1]) * 1000
}

/** A connection that carries one exchange at a time: responses cannot be mistaken for each other. */
export class Connection implements Carrier {
  private readonly socket: ClientSocket
  private isOpen = false
  private isClosed = false
  private exchange: Exchange | undefined
  private parser: ResponseParser | undefined
  /** Parts of the request that are still to be written. */
  private unsent: Array<Buffer> = []
  private hasWritten = false
  private isPaused = false
  private carried = 0
  /** Ms that the server keeps the connection when it is idle, as far as its last response said so. */
  keptFor: number | undefined

  constructor(
    connect: Connect,
    destination: Destination,
    private readonly events: ConnectionEvents
  ) {
    this.socket = connect(destination, {
      onOpen: () => {
        this.isOpen = true
        this.write()
      },
      onData: (bytes) => this.receive(bytes),
      onWritable: () => this.write(),
      onClose: (by) => this.end(by)
    })
  }

  carry(exchange: Exchange) {
    this.exchange = exchange
    exchange.begin(this, this.carried++ > 0)
    this.unsent = [...exchange.parts]
    this.hasWritten = false
    this.parser = new ResponseParser(
      {
        onHead: (head, length) => {
          const kept = head.fields.get("keep-alive")
          if (kept !== undefined) this.keptFor = parseKeepAlive(kept)
          exchange.receiveHead(head, length)
        },
        onBody: (bytes) => exchange.receiveBody(bytes)
      },
      { isHead: exchange.request.method === "HEAD", maxBody: exchange.request.maxBody ?? Number.POSITIVE_INFINITY }
    )
    if (this.isOpen) this.write()
  }

  pause() {
    this.isPaused = true
    this.socket.pause()
  }

  resume() {
    if (!this.isPaused) return
    this.isPaused = false
    this.socket.resume()
  }

  destroy() {
    this.close(new ExchangeFailure("cancelled"))
  }

  private write() {
    while (this.unsent.length > 0) {
      const [part] = this.unsent
      const written = this.socket.write(part!)
      // The event that the connection is closed follows.
      if (written < 0) return
      if (written > 0) this.hasWritten = this.exchange!.isWritten = true
      if (written < part!.length) {
        this.unsent[0] = part!.subarray(written)
        return
      }
      this.unsent.shift()
    }
  }

  private receive(bytes: Buffer) {
    const { exchange, parser } = this
    // A response that nobody has asked for would otherwise be taken for the next one.
    if (exchange === undefined || parser === undefined) return this.close(malformed("bytes without a request"))
    if (!this.hasWritten) return this.close(malformed("response before its request"))
    try {
      parser.push(bytes)
    } catch (error) {
      return this.close(error instanceof ExchangeFailure ? error : malformed("unexpected error"))
    }
    if (parser.isDone) this.complete(exchange, parser.isReusable)
    else exchange.announce()
  }

  /** A response that comes before all of its request has been written ends the connection: the server no longer reads. */
  private complete(exchange: Exchange, isReusable: boolean) {
    const isReady = isReusable && this.unsent.length === 0
    this.release()
    if (isReady) {
      this.resume()
      this.events.onIdle(this)
    } else this.close(new ExchangeFailure("broken"))
    exchange.complete()
  }

  private end(by: ClosedBy) {
    if (by === "ended" && this.parser !== undefined && this.exchange !== undefined && this.hasWritten)
      try {
        this.parser.end()
        return this.complete(this.exchange, false)
      } catch (error) {
        return this.close(error instanceof ExchangeFailure ? error : toFailure(by))
      }
    this.close(toFailure(by))
  }

  private release() {
    this.exchange = undefined
    this.parser = undefined
    this.unsent = []
  }

  private close(failure: ExchangeFailure) {
    if (this.isClosed) return
    this.isClosed = true
    const { exchange } = this
    this.release()
    this.socket.destroy()
    this.events.onClosed(this, exchange, failure)
  }
}
