import type { User } from "../auth/Caller.ts"
import type { SavedEvent } from "../store/Events.ts"
import type { Store } from "../store/Store.ts"

/** What a command needs to know about its client. */
export interface Subscriber {
  readonly user: User
  readonly store: Store["Service"]
  /** ms */
  readonly now: () => number
  readonly send: (message: string) => void
}

/** Called for every event; sends an update if the event matches the subscription. */
export type Subscription = (event: SavedEvent) => void

/** An error in a command; the message is sent to the client. */
export class CommandError extends Error {
  constructor(
    readonly code: number,
    message: string
  ) {
    super(message)
  }
}
