/**
 * A spool in one SQLite file. One process may deliver from a folder at a time; others may look into it, retry and drop.
 */
import { Database } from "bun:sqlite"
import { Effect, FileSystem, type PlatformError, type Scope } from "effect"
import { makeAcceptance } from "./acceptance.ts"
import { makeDelivery } from "./delivery.ts"
import { codeOf, SpoolInUse } from "./errors.ts"
import { GroupCommit } from "./GroupCommit.ts"
import { makeInspection } from "./inspection.ts"
import type { SpoolLimits } from "../model.ts"
import type { Spool } from "../Spool.ts"
import { openTables, removeStaged } from "./tables.ts"
import { makeTotals } from "./Totals.ts"

const fileIn = (folder: string) => `${folder}/spool.db`

const unlimited: SpoolLimits = { bytes: Number.POSITIVE_INFINITY, age: Number.POSITIVE_INFINITY }

const makeSpool = (db: Database, limits: SpoolLimits) => {
  const totals = makeTotals(db)
  const writes = new GroupCommit(db, totals)
  const onAdded = () => spool.onAdded()
  const spool: Spool = {
    isShared: false,
    onAdded: () => {},
    ...makeAcceptance(db, writes, totals, limits, onAdded),
    ...makeDelivery(db, writes, totals),
    ...makeInspection(db, writes, totals, onAdded)
  }
  return { spool, commit: () => writes.commit() }
}

const open = (folder: string, limits: SpoolLimits) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const db = new Database(fileIn(folder), { strict: true, create: true })
      openTables(db)
      return { db, ...makeSpool(db, limits) }
    }),
    ({ commit, db }) =>
      Effect.sync(() => {
        commit()
        db.close()
      })
  )

/** SQLite's lock on a file that is used for nothing else. The system releases it when the process ends, however it ends. */
const lock = (folder: string): Effect.Effect<Database, SpoolInUse, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const db = new Database(`${folder}/lock.db`, { create: true })
      try {
        db.run("BEGIN EXCLUSIVE")
        return Effect.succeed(db)
      } catch (error) {
        db.close()
        return codeOf(error).startsWith("SQLITE_BUSY") ? Effect.fail(new SpoolInUse({ folder })) : Effect.die(error)
      }
    }),
    (db) => Effect.sync(() => db.close())
  )

/**
 * Opens the spool in a folder to add and deliver points, or creates it, readable by its owner only. Fails if another process has done so, or
 * if the folder cannot be written. Dies if the file is no spool.
 */
export const openSpool = (
  folder: string,
  limits: SpoolLimits
): Effect.Effect<Spool, SpoolInUse | PlatformError.PlatformError, Scope.Scope | FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    yield* files.makeDirectory(folder, { recursive: true, mode: 0o700 })
    // SQLite gives its other files the mode of this one.
    yield* Effect.scoped(files.open(fileIn(folder), { flag: "a", mode: 0o600 }))
    yield* lock(folder)
    const { db, spool } = yield* open(folder, limits)
    removeStaged(db)
    return spool
  })

/** Whether there is a spool in a folder. */
export const hasSpool = (folder: string): Effect.Effect<boolean, PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (files) => files.exists(fileIn(folder)))

/** Opens a spool that exists, to look into it, retry and drop. It may be in use. */
export const inspectSpool = (folder: string): Effect.Effect<Spool, never, Scope.Scope> =>
  Effect.map(open(folder, unlimited), ({ spool }) => spool)
