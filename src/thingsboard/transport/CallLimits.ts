/**
 * Limits how many calls are in flight at once: ThingsBoard slows down for everybody when it has too much to do. Calls beyond the limit wait
 * in order; when too many wait, the next one fails at once.
 */

/**
 * Whose part of the limit a call uses: each has one of its own, so that none of them starves the others. `history`: pages of histories, for exports and queries,
 * of which there can be thousands per request.
 */
export type CallShare = "read" | "history" | "write"

const shares: ReadonlyArray<CallShare> = ["read", "history", "write"]

/** The part of the limit that each share has for itself. The rest is for whoever comes first. */
const reservedPart = 1 / 8

/** Calls at this moment, and the limits on them. */
export interface CallCounts {
  readonly inFlight: number
  readonly waiting: number
  readonly maxInFlight: number
  readonly maxWaiting: number
}

/** The place of one call. */
export interface Slot {
  readonly hasStarted: boolean
  /** The call has ended, or is not wanted any more. Can be repeated. */
  readonly leave: () => void
}

interface Entry {
  readonly share: CallShare
  readonly start: () => boolean
  state: "waiting" | "started" | "over"
}

export class CallLimits {
  private readonly inFlight: Record<CallShare, number> = { read: 0, history: 0, write: 0 }
  private readonly queues: Record<CallShare, Set<Entry>> = { read: new Set(), history: new Set(), write: new Set() }
  private readonly reserved: number
  private waiting = 0
  /** Those of them that are not in the queues. */
  private waitingElsewhere = 0
  /** Whose turn it is when something becomes free. */
  private turn = 0

  constructor(
    private readonly maxInFlight: number,
    private readonly maxWaiting: number
  ) {
    this.reserved = Math.floor(maxInFlight * reservedPart)
  }

  get counts(): CallCounts {
    return { inFlight: this.total, waiting: this.waiting, maxInFlight: this.maxInFlight, maxWaiting: this.maxWaiting }
  }

  /**
   * Calls `start` as soon as there is room: now, or later unless the slot was left. It returns whether the call has started; if not, the slot is left. Undefined
   * if too many calls wait already.
   */
  enter(share: CallShare, start: () => boolean): Slot | undefined {
    const entry: Entry = { share, start, state: "waiting" }
    if (this.queues[share].size === 0 && this.hasRoomFor(share)) this.start(entry)
    else if (this.waiting >= this.maxWaiting) return undefined
    else {
      this.queues[share].add(entry)
      this.waiting++
    }
    return {
      get hasStarted() {
        return entry.state === "started"
      },
      leave: () => this.leave(entry)
    }
  }

  /** Counts a call that waits for something else first, until `endWait`. False if too many wait: these may only take half of the places. */
  tryWait(): boolean {
    if (this.waitingElsewhere >= Math.ceil(this.maxWaiting / 2) || this.waiting >= this.maxWaiting) return false
    this.waitingElsewhere++
    this.waiting++
    return true
  }

  endWait() {
    this.waitingElsewhere--
    this.waiting--
  }

  private get total() {
    return this.inFlight.read + this.inFlight.history + this.inFlight.write
  }

  private hasRoomFor(share: CallShare): boolean {
    let taken = this.total
    for (const other of shares) if (other !== share) taken += Math.max(0, this.reserved - this.inFlight[other])
    return taken < this.maxInFlight
  }

  private start(entry: Entry) {
    entry.state = "started"
    this.inFlight[entry.share]++
    // It may also have left in the meantime. Not `leave`: whoever calls this goes on to the next call.
    if (entry.start() || this.isOver(entry)) return
    entry.state = "over"
    this.inFlight[entry.share]--
  }

  private isOver({ state }: Entry): boolean {
    return state === "over"
  }

  private leave(entry: Entry) {
    const { share, state } = entry
    entry.state = "over"
    if (state === "over") return
    if (state === "waiting") {
      this.queues[share].delete(entry)
      this.waiting--
      return
    }
    this.inFlight[share]--
    if (this.waiting > 0) this.startWaiting()
  }

  /** Starts what there is room for, one share after the other. */
  private startWaiting() {
    for (let tried = 0; tried < shares.length;) {
      const share = shares[this.turn++ % shares.length]!
      const [next] = this.queues[share]
      if (next === undefined || !this.hasRoomFor(share)) {
        tried++
        continue
      }
      tried = 0
      this.queues[share].delete(next)
      this.waiting--
      this.start(next)
    }
  }
}
