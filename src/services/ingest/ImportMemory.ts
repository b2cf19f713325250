import type { Exchange } from "../../platform/Exchange.ts"

/** Smaller buffers are not counted: requests in flight are limited anyway. */
const maxUncountedBytes = 64 * 1024

/** The memory that a running import has reserved. An import can take hours, so it releases what it no longer needs. */
export class ImportMemory {
  constructor(private readonly exchange: Exchange | undefined) {}

  /** Whether there is memory for this many bytes of rows that wait. Releases what is no longer needed. */
  holds(bytes: number): boolean {
    const counted = bytes <= maxUncountedBytes ? 0 : bytes
    const reservation = counted === 0 ? this.exchange?.openReservation("bodies") : this.exchange?.reservationFor("bodies")
    if (reservation === undefined) return true
    if (counted <= reservation.bytes) {
      reservation.release(reservation.bytes - counted)
      return true
    }
    return reservation.tryReserve(counted - reservation.bytes)
  }

  /** Responses that were read for the import are not passed on. */
  discardResponses() {
    const reservation = this.exchange?.openReservation("responses")
    reservation?.release(reservation.bytes)
  }
}
