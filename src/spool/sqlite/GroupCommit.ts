/**
 * Puts writes that arrive in the same turn of the event loop into one transaction: a commit waits for the disk, and a hundred writes that share
 * one wait no longer than a single write. bun:sqlite is synchronous, so writes that arrive during a commit are read from their sockets after
 * it, and share the next one.
 */
import type { Database } from "bun:sqlite"
import { Effect } from "effect"
import type { SpoolError, SpoolFull } from "../errors.ts"
import { toSpoolError } from "./errors.ts"

interface Write {
  /** Returns why it writes nothing, if so. */
  readonly run: () => SpoolFull | undefined
  readonly resume: (result: Effect.Effect<void, SpoolError>) => void
}

/** Called in each transaction, before its writes and after them. */
interface Around {
  readonly begin: () => void
  readonly end: () => void
}

export class GroupCommit {
  private waiting = new Set<Write>()

  constructor(
    private readonly db: Database,
    private readonly around: Around
  ) {}

  /** Succeeds once what `run` writes is synced to the disk. If it is interrupted before the commit, nothing is written. */
  write(run: Write["run"]): Effect.Effect<void, SpoolError> {
    return Effect.callback<void, SpoolError>((resume) => {
      const write: Write = { run, resume }
      if (this.waiting.size === 0) setImmediate(() => this.commit())
      this.waiting.add(write)
      return Effect.sync(() => {
        this.waiting.delete(write)
      })
    })
  }

  /** Commits what waits. If that fails, each write gets a transaction of its own: one that is too large must not stop those that free space. */
  commit(): void {
    const group = [...this.waiting]
    this.waiting.clear()
    if (group.length === 0 || this.tryCommit(group) === undefined) return
    for (const write of group) {
      const error = this.tryCommit([write])
      if (error !== undefined) write.resume(Effect.fail(error))
    }
  }

  /** Returns why nothing is written, if so. */
  private tryCommit(group: ReadonlyArray<Write>): SpoolError | undefined {
    let results: ReadonlyArray<SpoolFull | undefined>
    try {
      results = this.db
        .transaction(() => {
          this.around.begin()
          const found = group.map(({ run }) => run())
          this.around.end()
          return found
        })
        .immediate()
    } catch (error) {
      return toSpoolError(error)
    }
    for (const [index, { resume }] of group.entries()) {
      const reason = results[index]
      resume(reason === undefined ? Effect.void : Effect.fail(reason))
    }
    return undefined
  }
}
