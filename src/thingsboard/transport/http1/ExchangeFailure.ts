/** Why an exchange over HTTP failed. Messages never contain what was sent or received. */

/**
 * - `unresolved`, `refused`, `certificate`: there was no connection, so nothing was sent.
 * - `broken`: the connection ended before the response was complete.
 * - `malformed`: the response breaks a rule of HTTP/1.1, so nobody can tell where it ends.
 * - `tooLarge`: the body is longer than the limit.
 * - `cancelled`: the caller ended the exchange.
 */
export type FailureKind = "unresolved" | "refused" | "certificate" | "broken" | "malformed" | "tooLarge" | "cancelled"

export class ExchangeFailure extends Error {
  override readonly name = "ExchangeFailure"

  constructor(
    readonly kind: FailureKind,
    /** The rule that the response breaks, for `malformed`. */
    detail: string = kind,
    /** Whether any byte of the request had been written. If not, the server cannot have carried it out. */
    readonly isWritten = true
  ) {
    super(detail)
  }
}

export const malformed = (rule: string) => new ExchangeFailure("malformed", rule)
