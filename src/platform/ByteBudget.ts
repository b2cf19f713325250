/**
 * Bytes that requests may hold in memory, all keys together. Each request has one reservation per budget, which it fills as bytes arrive
 * and closes once, when it is over.
 */

/** Requests of one key that wait at the same time. Each of them takes memory that is not counted: a megabyte in the buffers of its sockets. */
const maxWaiters = 16

/** How long a request waits for memory. Longer waits would only add to the requests that hold some. */
const maxWaitMillis = 5000

interface Waiter {
  readonly reservation: Reservation
  readonly bytes: number
  readonly settle: (isReserved: boolean) => void
}

/** The last quarter is for requests that already hold memory, so that these finish before others begin. */
const fits = (held: number, used: number, bytes: number, max: number) => used + bytes <= (held === 0 && used > 0 ? (3 / 4) * max : max)

export class ByteBudget {
  /** One key cannot use more than half, so that it cannot lock out all others. */
  readonly maxBytesPerKey: number
  private readonly bytesByKey = new Map<string, number>()
  /** The one that has waited longest comes first. */
  private readonly waiters = new Set<Waiter>()
  private total = 0
  private opened = 0

  /** `onRelease` is called with the bytes that a request has released. */
  constructor(
    readonly maxBytes: number,
    private readonly onRelease: (bytes: number) => void = () => {}
  ) {
    this.maxBytesPerKey = Math.floor(maxBytes / 2)
  }

  /** Bytes that are reserved at the moment. */
  get usedBytes(): number {
    return this.total
  }

  /** Keys that hold reservations at the moment. */
  get keyCount(): number {
    return this.bytesByKey.size
  }

  /** Opens an empty reservation for a request with this key. */
  open(keyId: string): Reservation {
    return new Reservation(this, keyId, this.opened++)
  }

  /** @internal For `Reservation`. */
  take({ bytes: held, keyId }: Reservation, bytes: number): boolean {
    const ofKey = this.bytesByKey.get(keyId) ?? 0
    if (!fits(held, ofKey, bytes, this.maxBytesPerKey) || !fits(held, this.total, bytes, this.maxBytes)) return false
    if (bytes > 0) this.bytesByKey.set(keyId, ofKey + bytes)
    this.total += bytes
    return true
  }

  /** @internal For `Reservation`. */
  give(keyId: string, bytes: number) {
    if (bytes === 0) return
    const ofKey = this.bytesByKey.get(keyId)! - bytes
    if (ofKey === 0) this.bytesByKey.delete(keyId)
    else this.bytesByKey.set(keyId, ofKey)
    this.total -= bytes
    // Whoever releases memory may still refer to it.
    setImmediate(this.onRelease, bytes)
    // In the order in which they began to wait.
    for (const waiter of this.waiters) if (waiter.reservation.tryReserve(waiter.bytes)) waiter.settle(true)
  }

  /** @internal For `Reservation`. */
  wait(reservation: Reservation, bytes: number, signal: AbortSignal | undefined): Promise<boolean> {
    let ofKey = 0
    for (const waiter of this.waiters) if (waiter.reservation.keyId === reservation.keyId) ofKey++
    if (ofKey >= maxWaiters) return Promise.resolve(false)
    return new Promise((resolve) => {
      const settle = (isReserved: boolean) => {
        clearTimeout(timer)
        signal?.removeEventListener("abort", giveUp)
        this.waiters.delete(waiter)
        resolve(isReserved)
      }
      const giveUp = () => settle(false)
      const waiter: Waiter = { reservation, bytes, settle }
      const timer = setTimeout(giveUp, maxWaitMillis)
      signal?.addEventListener("abort", giveUp, { once: true })
      this.waiters.add(waiter)
      this.rejectNewest(({ keyId }) => keyId === reservation.keyId, this.maxBytesPerKey / 2)
      this.rejectNewest(() => true, this.maxBytes / 2)
    })
  }

  /**
   * Requests that wait while they hold memory could wait for each other until all of them give up. When they hold too much together, the
   * newest of them are rejected at once, which frees memory for the others.
   */
  private rejectNewest(isConcerned: (reservation: Reservation) => boolean, maxHeld: number) {
    const concerned = [...this.waiters].filter(({ reservation }) => reservation.bytes > 0 && isConcerned(reservation))
    let held = concerned.reduce((sum, { reservation }) => sum + reservation.bytes, 0)
    for (const { reservation, settle } of concerned.toSorted((a, b) => b.reservation.number - a.reservation.number)) {
      if (held <= maxHeld) return
      held -= reservation.bytes
      settle(false)
    }
  }
}

export class Reservation {
  private held = 0
  private isClosed = false

  constructor(
    private readonly budget: ByteBudget,
    readonly keyId: string,
    /** A higher number means a newer request. */
    readonly number: number
  ) {}

  get bytes(): number {
    return this.held
  }

  /** Bytes that a request can reserve at most. */
  get maxBytes(): number {
    return this.budget.maxBytesPerKey
  }

  /** Reserves more bytes, unless the budget or the share of the key is used up. */
  tryReserve(bytes: number): boolean {
    if (this.isClosed || !this.budget.take(this, bytes)) return false
    this.held += bytes
    return true
  }

  /** Like `tryReserve`, but waits for other requests to release memory, up to five seconds or until the signal. */
  reserve(bytes: number, signal?: AbortSignal): boolean | Promise<boolean> {
    if (this.tryReserve(bytes)) return true
    // Waiting is useless if only this request could release enough.
    if (this.isClosed || signal?.aborted === true || this.held + bytes > this.budget.maxBytesPerKey) return false
    return this.budget.wait(this, bytes, signal)
  }

  release(bytes: number) {
    const released = Math.min(bytes, this.held)
    this.held -= released
    this.budget.give(this.keyId, released)
  }

  /** Releases everything. Nothing can be reserved afterwards. */
  close() {
    this.isClosed = true
    this.release(this.held)
  }
}
