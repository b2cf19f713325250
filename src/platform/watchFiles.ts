import { Effect, Schedule, type Scope } from "effect"

export interface FileWatch<A, E, R, E2, R2, R3> {
  /** The contents that are in use. */
  readonly initial: A
  readonly read: Effect.Effect<A, E, R>
  readonly isSame: (a: A, b: A) => boolean
  /** Puts changed contents to use. When it fails, those before stay in use and the next poll tries again. */
  readonly onChange: (next: A, previous: A) => Effect.Effect<void, E2, R2>
  /** Runs after every poll without an error, whether or not something changed. */
  readonly onSuccess: () => void
  readonly onFailure: (error: E | E2) => Effect.Effect<void, never, R3>
}

/**
 * Reads files every two seconds until the scope closes, and reports changes. It compares contents, not events, dates or sizes: a mounted
 * secret is swapped by a symbolic link, which no file watcher notices, and new contents can have the date and the size of the old ones.
 */
export const watchFiles = <A, E, R, E2, R2, R3>({
  initial,
  isSame,
  onChange,
  onFailure,
  onSuccess,
  read
}: FileWatch<A, E, R, E2, R2, R3>): Effect.Effect<void, never, R | R2 | R3 | Scope.Scope> => {
  let current = initial
  const poll = Effect.gen(function* () {
    const next = yield* read
    if (!isSame(next, current)) {
      yield* onChange(next, current)
      current = next
    }
    onSuccess()
  }).pipe(Effect.catch(onFailure))
  return Effect.asVoid(Effect.forkScoped(Effect.repeat(poll, Schedule.spaced("2 seconds"))))
}
