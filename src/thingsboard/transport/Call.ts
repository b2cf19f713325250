/** A call to ThingsBoard, as the transport takes it. */
import type { Exchange as ServerExchange } from "../../platform/Exchange.ts"
import type { CallShare } from "./CallLimits.ts"
import type { ByteMeter } from "./readResponse.ts"

/** Whoever takes over an attempt. */
export interface Adopter {
  /** The request whose memory the response uses. */
  readonly exchange: ServerExchange | undefined
}

/** Those who wait for the response to somebody else's call. */
export interface CallSharing {
  /**
   * Asked when the caller has left before a response began. Whoever waits takes over: the response is read with the memory of their request, and `settle` is
   * called once. `stop` ends the attempt when nobody waits any more. Undefined if nobody waits.
   */
  readonly adopt: (stop: () => void) => Adopter | undefined
  /** The response of an attempt that was taken over; undefined if it failed. */
  readonly settle: (response: Buffer<ArrayBuffer> | undefined) => void
}

export interface Call {
  readonly method: "GET" | "POST"
  /** With its query, without the path prefix of TB_HOST. */
  readonly path: string
  /** By lower-case name. */
  readonly headers: Record<string, string>
  /** Whose calls ThingsBoard counts together: an opaque name of its user. None for logins, which it does not count. */
  readonly user?: string
  readonly body?: string | Uint8Array
  /** Whether it may be sent again after a failure that leaves open whether ThingsBoard carried it out. */
  readonly repeatable: boolean
  /** Stores something: only ThingsBoard's own acknowledgement, 200 without a body, is a success. */
  readonly isWrite?: boolean
  /** The share of the limit that it uses: by default that of reads, or of writes. `session`, for logins and probes, is never limited. */
  readonly share?: CallShare | "session"
  /** Ends the reading of a large response early. */
  readonly meter?: ByteMeter | undefined
  readonly sharing?: CallSharing | undefined
}

/** Ms that are left for an attempt. */
export interface AttemptTime {
  readonly ofCall: number
  /** Infinite without a limit. When it is over before that of the call, the attempt may go on for others. */
  readonly ofRequest: number
}
