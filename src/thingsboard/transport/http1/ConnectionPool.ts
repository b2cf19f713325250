/**
 * Keep-alive connections to one server. A connection that the server closed while it was idle, or after its hundredth request, is not
 * visible to the caller: the exchange begins again on a new connection, if nothing was written or if it may be repeated.
 */
import type { Connect, Destination } from "../../../platform/ClientSocket.ts"
import { Connection, type ConnectionEvents } from "./Connection.ts"
import { Exchange, type ExchangeEvents } from "./Exchange.ts"
import { ExchangeFailure } from "./ExchangeFailure.ts"
import { type HttpRequest, makeFrame, type RequestFrame, serialize } from "./request.ts"

export interface PoolOptions {
  readonly connect: Connect
  /** Of every request, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds of a clock that does not step. */
  readonly now?: () => number
  /** Ms after which an idle connection is closed: less than what servers and proxies allow, which is 20 s or more. */
  readonly maxIdleMillis?: number
  readonly maxIdle?: number
}

/** The server may have begun to count earlier than we did. */
const safetyMillis = 1000

export class ConnectionPool {
  /** The last one was used last: under little load the others reach their age and are closed. */
  private idle: Array<{ readonly connection: Connection; readonly until: number }> = []
  private readonly all = new Set<Connection>()
  private readonly frame: RequestFrame
  private sweeping: ReturnType<typeof setTimeout> | undefined
  private isClosed = false
  private readonly now: () => number
  private readonly maxIdleMillis: number
  private readonly maxIdle: number
  private readonly connect: Connect

  constructor(
    private readonly destination: Destination,
    { connect, headers = {}, maxIdle = 64, maxIdleMillis = 15_000, now = () => performance.now() }: PoolOptions
  ) {
    this.connect = connect
    this.now = now
    this.maxIdle = maxIdle
    this.maxIdleMillis = maxIdleMillis
    this.frame = makeFrame(destination, headers)
  }

  /** Connections that are open or being opened, and those among them that wait for work. */
  get counts(): { readonly connections: number; readonly idle: number } {
    return { connections: this.all.size, idle: this.idle.length }
  }

  /** Throws an `ExchangeFailure` if the request itself is invalid, or if the pool is closed. */
  send(request: HttpRequest, events: ExchangeEvents): Pick<Exchange, "cancel"> {
    const exchange = new Exchange(request, serialize(request, this.frame), events)
    if (this.isClosed) throw new ExchangeFailure("cancelled", "closed", false)
    // A request that must not be repeated gets a new connection, which no server is about to close.
    ;((request.isRepeatable ? this.takeIdle() : undefined) ?? this.open()).carry(exchange)
    return exchange
  }

  /** Closes all connections. Exchanges in progress fail. */
  close() {
    this.isClosed = true
    clearTimeout(this.sweeping)
    this.idle = []
    for (const connection of this.all) connection.destroy()
  }

  private takeIdle(): Connection | undefined {
    const last = this.idle.at(-1)
    if (last === undefined) return undefined
    // Every other one is older, or about as old.
    if (last.until <= this.now()) {
      this.sweep()
      return this.idle.pop()?.connection
    }
    this.idle.pop()
    return last.connection
  }

  private open(): Connection {
    const connection = new Connection(this.connect, this.destination, this.events)
    this.all.add(connection)
    return connection
  }

  private readonly events: ConnectionEvents = {
    onIdle: (connection) => {
      if (this.isClosed || this.idle.length >= this.maxIdle) return connection.destroy()
      const kept = connection.keptFor === undefined ? this.maxIdleMillis : Math.min(this.maxIdleMillis, connection.keptFor - safetyMillis)
      if (kept <= 0) return connection.destroy()
      this.idle.push({ connection, until: this.now() + kept })
      this.scheduleSweep()
    },
    onClosed: (connection, exchange, failure) => {
      this.all.delete(connection)
      this.idle = this.idle.filter((one) => one.connection !== connection)
      if (exchange === undefined || exchange.isFinished) return
      if (failure.kind === "broken" && exchange.canMove && !this.isClosed) this.open().carry(exchange)
      else exchange.fail(failure)
    }
  }

  /** One timer for all idle connections. It does not keep the process running. */
  private scheduleSweep() {
    this.sweeping ??= setTimeout(() => {
      this.sweeping = undefined
      this.sweep()
      if (this.idle.length > 0) this.scheduleSweep()
    }, this.maxIdleMillis / 2)
    this.sweeping.unref()
  }

  private sweep() {
    const now = this.now()
    const expired = this.idle.filter(({ until }) => until <= now)
    for (const { connection } of expired) connection.destroy()
  }
}
