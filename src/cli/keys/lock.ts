/** A lock file, so that two commands never overwrite each other's changes of the key file. */
import { Clock, Effect, FileSystem, Option, type PlatformError, Schedule, Schema } from "effect"
import { CommandFailed } from "../result.ts"

class LockTaken extends Schema.TaggedError<LockTaken>()("LockTaken", {}) {}

const maxWait = "10 seconds"
/** A change takes milliseconds: an older lock was left behind by a killed command. */
const staleMillis = 60_000

/**
 * A stale lock is reported, not removed: between finding it stale and removing it, another command could do the same and take the lock,
 * and then that command's lock would be removed.
 */
const staleLock = (lock: string, millis: number) =>
  new CommandFailed({
    message:
      `${lock} has existed for ${Math.max(1, Math.round(millis / 1000))} s. Nothing was changed. ` +
      "Either another command is changing the key file, or one was killed while changing it. Remove the lock file if no command is running."
  })

const ageOf = Effect.fnUntraced(function* (lock: string) {
  const files = yield* FileSystem.FileSystem
  const info = yield* Effect.option(files.stat(lock))
  const createdAt = Option.flatMap(info, ({ mtime }) => mtime)
  const now = yield* Clock.currentTimeMillis
  return Option.match(createdAt, { onNone: () => 0, onSome: (time) => now - time.getTime() })
})

const takeLock = Effect.fnUntraced(function* (lock: string) {
  const files = yield* FileSystem.FileSystem
  yield* Effect.catchTag(files.writeFileString(lock, "", { flag: "wx", mode: 0o600 }), "PlatformError", (error) =>
    Effect.fail(error.reason._tag === "AlreadyExists" ? new LockTaken() : error)
  )
})

/** Runs the work while holding `<target>.lock`, which only one command at a time can create. */
export const withLock = <A, E, R>(
  target: string,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | CommandFailed | PlatformError.PlatformError, R | FileSystem.FileSystem> => {
  const lock = `${target}.lock`
  const attempt = Effect.acquireUseRelease(
    takeLock(lock),
    () => Effect.result(work),
    () => Effect.flatMap(FileSystem.FileSystem, (files) => Effect.ignore(files.remove(lock)))
  )
  const failWithLockAge = Effect.flatMap(ageOf(lock), (millis) => Effect.fail(staleLock(lock, millis)))
  return attempt.pipe(
    Effect.retry({
      while: (error) => (error._tag === "LockTaken" ? Effect.map(ageOf(lock), (millis) => millis < staleMillis) : Effect.succeed(false)),
      schedule: Schedule.spaced("25 millis").pipe(Schedule.jittered, Schedule.upTo({ duration: maxWait }))
    }),
    Effect.catchTag("LockTaken", () => failWithLockAge),
    Effect.flatMap(Effect.fromResult)
  )
}
