/** Limits how many exports run at once, overall and per client. */
import { Effect, Schema, type Scope, Semaphore } from "effect"

/** No export slot (MAX_CONCURRENT_EXPORTS) became free in time. */
export class TooManyExports extends Schema.TaggedError<TooManyExports>()("TooManyExports", {}) {}

export interface ExportSlots {
  /** Waits up to five seconds for a slot and keeps it until the scope closes. */
  readonly acquire: (client: string) => Effect.Effect<void, TooManyExports, Scope.Scope>
}

const maxWait = "5 seconds"

/** With several slots one client gets all but one of them, so that slow readers with one key cannot lock all others out. */
export const makeExportSlots = Effect.fnUntraced(function* (count: number): Effect.fn.Return<ExportSlots> {
  const overall = yield* Semaphore.make(count)
  const byClient = new Map<string, Semaphore.Semaphore>()
  const semaphoreOf = (client: string) => {
    const semaphore = byClient.get(client) ?? Semaphore.makeUnsafe(Math.max(1, count - 1))
    byClient.set(client, semaphore)
    return semaphore
  }
  const take = (client: string) => {
    const own = semaphoreOf(client)
    return Effect.uninterruptibleMask((restore) =>
      Effect.andThen(
        restore(own.take(1)),
        Effect.onError(restore(overall.take(1)), () => own.release(1))
      )
    )
  }
  const release = (client: string) => Effect.andThen(overall.release(1), semaphoreOf(client).release(1))
  return {
    acquire: (client) =>
      Effect.uninterruptibleMask((restore) =>
        restore(take(client)).pipe(
          Effect.timeoutOrElse({ duration: maxWait, orElse: () => Effect.fail(new TooManyExports()) }),
          Effect.andThen(Effect.addFinalizer(() => release(client)))
        )
      )
  }
})
