/** One command at a time changes a file of keys: what two read at once, only one of them could write. */
import { Clock, Effect, FileSystem, Option, type PlatformError, Schedule, Schema } from "effect"
import { KeyCommandFailed } from "./keyFile.ts"

class LockTaken extends Schema.TaggedError<LockTaken>()("Taken", {}) {}

const patience = "10 seconds"
/** A change takes milliseconds: a lock that has been there for so long was left behind by a command that was killed. */
const staleMillis = 60_000

/**
 * It is not taken over by itself: between seeing that a lock is old and removing it another command may do the same and begin, and
 * then that one's lock would be removed.
 */
const inTheWay = (lock: string, millis: number) =>
  new KeyCommandFailed({
    message:
      `${lock} has been there for ${Math.max(1, Math.round(millis / 1000))} s: nothing was changed. ` +
      "Another command is changing the file of keys, or one was killed while it did. Remove that file when none runs."
  })

const ageOf = Effect.fnUntraced(function* (lock: string) {
  const files = yield* FileSystem.FileSystem
  const info = yield* Effect.option(files.stat(lock))
  const since = Option.flatMap(info, ({ mtime }) => mtime)
  const now = yield* Clock.currentTimeMillis
  return Option.match(since, { onNone: () => 0, onSome: (time) => now - time.getTime() })
})

const take = Effect.fnUntraced(function* (lock: string) {
  const files = yield* FileSystem.FileSystem
  yield* Effect.catchTag(files.writeFileString(lock, "", { flag: "wx", mode: 0o600 }), "PlatformError", (error) =>
    Effect.fail(error.reason._tag === "AlreadyExists" ? new LockTaken() : error)
  )
})

/** Does the work while `<target>.lock` is there, which only one command at a time can make. */
export const withLock = <A, E, R>(
  target: string,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | KeyCommandFailed | PlatformError.PlatformError, R | FileSystem.FileSystem> => {
  const lock = `${target}.lock`
  const once = Effect.acquireUseRelease(
    take(lock),
    () => Effect.result(work),
    () => Effect.flatMap(FileSystem.FileSystem, (files) => Effect.ignore(files.remove(lock)))
  )
  const refusing = Effect.flatMap(ageOf(lock), (millis) => Effect.fail(inTheWay(lock, millis)))
  return once.pipe(
    Effect.retry({
      while: (error) => (error._tag === "Taken" ? Effect.map(ageOf(lock), (millis) => millis < staleMillis) : Effect.succeed(false)),
      schedule: Schedule.spaced("25 millis").pipe(Schedule.jittered, Schedule.upTo({ duration: patience }))
    }),
    Effect.catchTag("Taken", () => refusing),
    Effect.flatMap(Effect.fromResult)
  )
}
