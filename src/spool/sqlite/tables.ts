/** The tables of a spool, and how durable its file is. */
import type { Database } from "bun:sqlite"

/** Written to `user_version`. A file of another version is not opened: its points would be read wrongly. */
const version = 1

/**
 * `batches` has the accepted batches, and `entries` their waiting points, one row per device. `rejected` has the points that were set aside.
 * An import has any number of rows: its points are written to `parts` as they arrive and listed in `staged`, and become entries together
 * when its last row has arrived. `totals` has one row, so that the size is known without reading the entries.
 *
 * `synchronous = FULL` syncs the WAL on every commit: with NORMAL, which is usual for WAL, a power failure loses the last commits.
 * `AUTOINCREMENT` never reuses the number of a deleted row, so `seq` is the order of acceptance for good. Long columns come last, so that
 * SQLite finds the others without reading them.
 */
export const openTables = (db: Database): void => {
  db.run("PRAGMA journal_mode = WAL")
  db.run("PRAGMA synchronous = FULL")
  // Another process may be changing the file, such as `boardwalk spool retry`.
  db.run("PRAGMA busy_timeout = 5000")
  const found = db.query<{ user_version: number }, []>("PRAGMA user_version").get()!.user_version
  if (found === version) return
  if (found !== 0) throw new Error(`The spool has version ${found}, and this program reads version ${version}`)
  db.transaction(() => {
    db.run(`CREATE TABLE batches (
      id TEXT PRIMARY KEY, owner TEXT NOT NULL, accepted_at INTEGER NOT NULL,
      points INTEGER NOT NULL, stored INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0, finished_at INTEGER
    ) STRICT, WITHOUT ROWID`)
    db.run("CREATE INDEX stored ON batches (finished_at) WHERE finished_at IS NOT NULL AND rejected = 0")
    db.run("CREATE INDEX kept ON batches (finished_at) WHERE finished_at IS NOT NULL AND rejected > 0")
    db.run(`CREATE TABLE entries (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, batch TEXT NOT NULL, owner TEXT NOT NULL, device TEXT NOT NULL,
      accepted_at INTEGER NOT NULL, points INTEGER NOT NULL, bytes INTEGER NOT NULL, part INTEGER, content TEXT
    ) STRICT`)
    db.run("CREATE INDEX by_device ON entries (device, seq)")
    db.run("CREATE INDEX by_owner ON entries (owner, seq, device)")
    db.run("CREATE TABLE parts (id INTEGER PRIMARY KEY, content TEXT NOT NULL) STRICT")
    db.run(`CREATE TABLE staged (
      id INTEGER PRIMARY KEY, batch TEXT NOT NULL, device TEXT NOT NULL, points INTEGER NOT NULL, bytes INTEGER NOT NULL, part INTEGER NOT NULL
    ) STRICT`)
    db.run(`CREATE TABLE rejected (
      id INTEGER PRIMARY KEY, batch TEXT NOT NULL, device TEXT NOT NULL, reason TEXT NOT NULL,
      points INTEGER NOT NULL, bytes INTEGER NOT NULL, content TEXT NOT NULL
    ) STRICT`)
    db.run("CREATE INDEX by_batch ON rejected (batch)")
    db.run(
      `CREATE TABLE totals (
      batches INTEGER NOT NULL, entries INTEGER NOT NULL, points INTEGER NOT NULL, bytes INTEGER NOT NULL, rejected INTEGER NOT NULL
    ) STRICT`
    )
    db.run("INSERT INTO totals VALUES (0, 0, 0, 0, 0)")
    db.run(`PRAGMA user_version = ${version}`)
  })()
}

/** What rows of `entries`, `staged` or `rejected` amount to. */
export interface Size {
  readonly entries: number
  readonly points: number
  readonly bytes: number
}

/** The columns of a query for a `Size`. */
export const sizeColumns = "count(*) entries, coalesce(sum(points), 0) points, coalesce(sum(bytes), 0) bytes"

/** Forgets what a killed process had staged: nothing of it was acknowledged. Counts again, too. */
export const removeStaged = (db: Database): void => {
  db.transaction(() => {
    db.run("DELETE FROM parts WHERE id NOT IN (SELECT part FROM entries WHERE part IS NOT NULL)")
    db.run("DELETE FROM staged")
    db.run(`UPDATE totals SET
      batches = (SELECT count(*) FROM batches),
      entries = (SELECT count(*) FROM entries),
      points = (SELECT coalesce(sum(points), 0) FROM entries),
      bytes = (SELECT coalesce(sum(bytes), 0) FROM entries) + (SELECT coalesce(sum(bytes), 0) FROM rejected),
      rejected = (SELECT coalesce(sum(points), 0) FROM rejected)`)
  })()
}
