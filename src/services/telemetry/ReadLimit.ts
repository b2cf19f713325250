import type { ByteMeter } from "../../thingsboard/transport/readResponse.ts"

/** Limits the bytes that one or several calls read together. A call that is stopped at the limit has read the beginning of its response. */
export class ReadLimit {
  private received = 0

  constructor(private readonly maxBytes: number) {}

  get isReached(): boolean {
    return this.received >= this.maxBytes
  }

  /** The meter of one call. */
  meter(): StoppableMeter {
    let isStopped = false
    return {
      add: (bytes) => {
        this.received += bytes
        isStopped = this.isReached
        return !isStopped
      },
      fits: (bytes) => this.received + bytes <= this.maxBytes,
      isStopped: () => isStopped
    }
  }
}

export interface StoppableMeter extends ByteMeter {
  /** Whether the response may be incomplete. */
  readonly isStopped: () => boolean
}
