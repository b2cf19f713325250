import { Effect } from "effect"

let last: Promise<unknown> = Promise.resolve()

/**
 * Waits for a turn of the event loop of one's own. Bun drains all ready work before it looks at sockets again, so without this the
 * pages of several exports run in one turn and everyone else waits. One page a turn, all exports together.
 */
export const eventLoopTurn = Effect.promise(() => {
  last = last.then(() => new Promise<void>((resolve) => setImmediate(resolve)))
  return last
})
