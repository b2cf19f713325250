import { Context, Effect, Layer } from "effect"

/**
 * Turns of the event loop, handed out one at a time. Bun finishes all work that is ready before it looks at sockets again: without this,
 * the pages of several exports are handled in one turn while every other request waits.
 *
 * One per process, so that all exports together handle one page per turn.
 */
export class EventLoop extends Context.Service<
  EventLoop,
  {
    /** Waits for a turn of its own: no other waiter continues in the same one. Turns come in the order of the calls. */
    readonly nextTurn: Effect.Effect<void>
  }
>()("boardwalk/platform/EventLoop") {
  static readonly layer = Layer.sync(EventLoop, () => {
    let last = Promise.resolve()
    return {
      nextTurn: Effect.promise(() => {
        last = last.then(() => new Promise<void>((resolve) => setImmediate(resolve)))
        return last
      })
    }
  })
}
