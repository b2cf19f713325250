/**
 * The state of one request, which everything that handles it shares: what it may use, and the headers of its response. Middlewares write headers into a plain
 * record, which is merged into the response once, just before it is sent. That is cheaper than copying responses, and it also covers responses that no
 * handler made.
 */
import { Context } from "effect"
import type { ByteBudget, Reservation } from "./ByteBudget.ts"
import { type DataRules, readDataRules } from "./cacheControl.ts"

/** What a request needs memory for: its own body, or responses from other servers. */
export type MemoryUse = "bodies" | "responses"

/** Seconds that a connection may be idle, at most 255. Bun always allows 12 s for the head of a connection's first request. */
export const idleSeconds = 60

/** Ms. Bun would close the connection of a request that takes longer, since nothing is sent meanwhile. */
const maxWithinIdleTimeout = (idleSeconds - 5) * 1000

/** Limits the memory of all requests together. */
export type MemoryBudgets = Readonly<Record<MemoryUse, ByteBudget>>

/** Finds the client's address behind a trusted proxy, from `X-Forwarded-For`. */
export type ClientAddress = (peer: string, forwardedFor: string | null) => string

/** The state of one request, from the first byte read to the last byte written. */
export class Exchange {
  constructor(
    readonly request: Request,
    /** The client's `X-Request-Id` if it is well formed, otherwise a new UUID. */
    readonly id: string,
    /** Response headers, by lower-case name. A response's own headers take precedence. */
    readonly headers: Record<string, string>,
    private readonly server: Bun.Server<unknown>,
    private readonly clientAddress: ClientAddress | undefined,
    private readonly memory?: MemoryBudgets
  ) {}

  private address: string | undefined

  /** Called with the length of each part of the body that is read. */
  onReceived: ((bytes: number) => void) | undefined

  /** What the client says about data from a cache. Read only where there is some: a request has no cheap headers. */
  get dataRules(): DataRules {
    return (this.rules ??= readDataRules(this.request.headers.get("cache-control")))
  }

  private rules: DataRules | undefined

  /** Ms: the age of the oldest data in the response that came from a cache; undefined if none did. */
  dataAge: number | undefined

  /** The response will have data from a cache, of this age in ms. */
  useData(age: number) {
    this.dataAge = Math.max(this.dataAge ?? 0, age)
  }

  /** The same for data that is older than it should be. RFC 9111 has no header for that any more; clients know the one of RFC 7234. */
  useStaleData(age: number) {
    this.useData(age)
    this.headers["warning"] = '110 - "Response is Stale"'
  }

  /** Ms for calls to ThingsBoard; undefined without a limit. */
  private timeLimit: number | undefined
  private deadline: number | undefined
  private isIdleTimeoutDisabled = false

  /** Limits the time for calls to ThingsBoard. */
  limitTime(millis: number) {
    this.timeLimit = millis
    if (millis < maxWithinIdleTimeout) return
    this.isIdleTimeoutDisabled = true
    this.disableIdleTimeout()
  }

  /** For a body or a response that is streamed. */
  removeTimeLimit() {
    this.timeLimit = undefined
  }

  /**
   * When the request's time for calls ends, in ms of the monotonic clock; undefined without a limit. It begins with the first call, and again after a body has
   * arrived: the time that the client takes to send it is limited elsewhere.
   */
  deadlineFrom(now: number): number | undefined {
    if (this.timeLimit === undefined) return undefined
    return (this.deadline ??= now + this.timeLimit)
  }

  restartTime() {
    this.deadline = undefined
  }

  /** Id of the client's key, once it is known: memory is shared between keys. */
  keyId = ""

  private reservations: Map<MemoryUse, Reservation> | undefined
  private isOver = false

  /** The memory that this request has reserved; undefined if it is not limited. It is released when the request is over. */
  reservationFor(use: MemoryUse): Reservation | undefined {
    const found = this.reservations?.get(use)
    if (found !== undefined || this.memory === undefined) return found
    const reservation = this.memory[use].open(this.keyId)
    ;(this.reservations ??= new Map()).set(use, reservation)
    if (this.isOver) reservation.close()
    return reservation
  }

  /** The reservation of this request if it has one. */
  openReservation(use: MemoryUse): Reservation | undefined {
    return this.reservations?.get(use)
  }

  /** Whether the request holds memory that counts. */
  get hasReservations(): boolean {
    return this.reservations !== undefined
  }

  /** Whether the server has no other request in flight. */
  get isOnlyRequest(): boolean {
    return this.server.pendingRequests <= 1
  }

  /** Called once the last byte of the response has been written, or will never be. */
  end() {
    this.isOver = true
    if (this.isIdleTimeoutDisabled) this.restoreIdleTimeout()
    this.reservations?.forEach((reservation) => reservation.close())
  }

  /** The client's address, IPv4 in its usual form even on a dual-stack socket; undefined once the peer has disconnected. */
  get remoteAddress(): string | undefined {
    return (this.address ??= this.findAddress())
  }

  /** The address of the other end of the connection, which may be a proxy. */
  get peerAddress(): string | undefined {
    const found = this.server.requestIP(this.request)?.address
    return found?.startsWith("::ffff:") === true ? found.slice(7) : found
  }

  private findAddress(): string | undefined {
    const peer = this.peerAddress
    if (peer === undefined) return undefined
    return this.clientAddress === undefined ? peer : this.clientAddress(peer, this.request.headers.get("x-forwarded-for"))
  }

  /**
   * Allows a long response or body to pause for longer than the server's idle timeout. It applies to the connection, including later
   * requests on it, until `restoreIdleTimeout` is called.
   */
  disableIdleTimeout() {
    this.server.timeout(this.request, 0)
  }

  /** Closes the connection if nothing is read or written for so many seconds. */
  closeSoon(seconds: number) {
    this.server.timeout(this.request, seconds)
  }

  restoreIdleTimeout() {
    this.server.timeout(this.request, idleSeconds)
  }

  /** Tells caches that the response depends on this header of the request. */
  varyBy(header: string) {
    const { vary } = this.headers
    this.headers["vary"] = vary === undefined ? header : `${vary}, ${header}`
  }

  /** Closes the connection after the response, for a request whose body is not read to its end. */
  closeAfterResponse() {
    this.headers["connection"] = "close"
  }
}

/** The exchange of the current request; undefined outside a server, for example in tests of single handlers. */
export const CurrentExchange = Context.Reference<Exchange | undefined>("boardwalk/platform/CurrentExchange", {
  defaultValue: () => undefined
})
