/** Bounds how long the reader of a streamed response may take nothing at all. */
import { Effect, Pull, Stream } from "effect"

export interface ReaderWatch {
  /** Ms. */
  readonly maxSilence: number
  /** Called once, when nothing has been read for so long. */
  readonly onSilence: () => void
}

/** A timer runs while a part waits for its reader, and not while the next part is made. */
export const watchReader = <A, E, R>(stream: Stream.Stream<A, E, R>, { maxSilence, onSilence }: ReaderWatch): Stream.Stream<A, E, R> =>
  Stream.unwrap(
    Effect.gen(function* () {
      let timer: ReturnType<typeof setTimeout> | undefined
      const stop = Effect.sync(() => clearTimeout(timer))
      const start = Effect.sync(() => {
        timer = setTimeout(onSilence, maxSilence)
      })
      yield* Effect.addFinalizer(() => stop)
      const pull = yield* Stream.toPull(stream)
      return Stream.fromPull(
        Effect.succeed(
          Effect.andThen(
            stop,
            Effect.tap(pull, () => start)
          ) as Pull.Pull<readonly [A, ...Array<A>], E, void, R>
        )
      )
    })
  )
