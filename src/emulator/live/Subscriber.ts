import type { User } from "../auth/Caller.ts"
import type { SavedEvent } from "../store/Events.ts"
import type { Store } from "../store/Store.ts"

/** Who gave a command, as far as answering it takes. */
export interface Subscriber {
  readonly user: User
  readonly store: Store["Service"]
  /** ms */
  readonly now: () => number
  readonly send: (message: string) => void
}

/** Hears of everything that is stored, and sends what is for it. */
export type Subscription = (saved: SavedEvent) => void

/** What is wrong with a command; the message goes to the client. */
export class CommandError extends Error {
  constructor(
    readonly code: number,
    message: string
  ) {
    super(message)
  }
}
