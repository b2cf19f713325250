/**
 * Limits how many calls are in flight at once: ThingsBoard slows down for everybody when it has too much to do. Calls beyond the limit wait
 * in order; when too many wait, the next one fails at once.
 */

/**
 * Kinds of calls have shares of their own, so that none of them starves the others. `history`: pages of histories, for exports and queries,
 * of which there can be thousands per request.
 */
export type CallKind = "read" | "history" | "write"

const kinds: ReadonlyArray<CallKind> = ["read", "history", "write"]

/** The share of the limit that each kind has for itself. The rest is for whoever comes first. */
const reservedShare = 1 / 8

/** The place of one call. */
export interface Slot {
  readonly hasStarted: boolean
  /** The call has ended, or is not wanted any more. Can be repeated. */
  readonly leave: () => void
}

interface Entry {
  readonly kind: CallKind
  readonly start: () => void
  state: "waiting" | "started" | "over"
}

export interface CallLimitCounts {
  readonly inFlight: number
  readonly waiting: number
}

export class CallLimits {
  private readonly inFlight: Record<CallKind, number> = { read: 0, history: 0, write: 0 }
  private readonly queues: Record<CallKind, Set<Entry>> = { read: new Set(), history: new Set(), write: new Set() }
  private readonly reserved: number
  private waiting = 0
  /** Whose turn it is when something becomes free. */
  private turn = 0

  constructor(
    readonly maxInFlight: number,
    readonly maxWaiting: number
  ) {
    this.reserved = Math.floor(maxInFlight * reservedShare)
  }

  get counts(): CallLimitCounts {
    return { inFlight: this.total, waiting: this.waiting }
  }

  /** Calls `start` as soon as there is room: now, or later unless the slot was left. Undefined if too many calls wait already. */
  enter(kind: CallKind, start: () => void): Slot | undefined {
    const entry: Entry = { kind, start, state: "waiting" }
    if (this.queues[kind].size === 0 && this.hasRoomFor(kind)) this.start(entry)
    else if (this.waiting >= this.maxWaiting) return undefined
    else {
      this.queues[kind].add(entry)
      this.waiting++
    }
    return {
      get hasStarted() {
        return entry.state === "started"
      },
      leave: () => this.leave(entry)
    }
  }

  private get total() {
    return this.inFlight.read + this.inFlight.history + this.inFlight.write
  }

  private hasRoomFor(kind: CallKind): boolean {
    let taken = this.total
    for (const other of kinds) if (other !== kind) taken += Math.max(0, this.reserved - this.inFlight[other])
    return taken < this.maxInFlight
  }

  private start(entry: Entry) {
    entry.state = "started"
    this.inFlight[entry.kind]++
    entry.start()
  }

  private leave(entry: Entry) {
    const { kind, state } = entry
    entry.state = "over"
    if (state === "over") return
    if (state === "waiting") {
      this.queues[kind].delete(entry)
      this.waiting--
      return
    }
    this.inFlight[kind]--
    if (this.waiting > 0) this.startWaiting()
  }

  /** Starts what there is room for, one kind after the other. */
  private startWaiting() {
    for (let tried = 0; tried < kinds.length;) {
      const kind = kinds[this.turn++ % kinds.length]!
      const [next] = this.queues[kind]
      if (next === undefined || !this.hasRoomFor(kind)) {
        tried++
        continue
      }
      tried = 0
      this.queues[kind].delete(next)
      this.waiting--
      this.start(next)
    }
  }
}
