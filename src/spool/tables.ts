/** The tables of a spool, and how durable its file is. */
import type { Database } from "bun:sqlite"

/** Written to `user_version`. A file of another version is not opened: its points would be read wrongly. */
const version = 1

/**
 * `synchronous = FULL` syncs the WAL on every commit: with NORMAL, which is usual for WAL, a power failure loses the last commits.
 * `AUTOINCREMENT` never reuses the number of a deleted row, so `seq` is the order of acceptance for good.
 */
export const openTables = (db: Database): void => {
  db.run("PRAGMA journal_mode = WAL")
  db.run("PRAGMA synchronous = FULL")
  // Another process may be looking into the file.
  db.run("PRAGMA busy_timeout = 5000")
  const found = db.query<{ user_version: number }, []>("PRAGMA user_version").get()!.user_version
  if (found === version) return
  if (found !== 0) throw new Error(`The spool has version ${found}, and this program reads version ${version}`)
  db.transaction(() => {
    db.run(`CREATE TABLE batches (
      id TEXT PRIMARY KEY, owner TEXT NOT NULL, accepted_at INTEGER NOT NULL,
      points INTEGER NOT NULL, stored INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0, finished_at INTEGER
    ) STRICT, WITHOUT ROWID`)
    db.run("CREATE INDEX finished ON batches (finished_at) WHERE finished_at IS NOT NULL")
    db.run(`CREATE TABLE entries (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, batch TEXT NOT NULL, device TEXT NOT NULL,
      accepted_at INTEGER NOT NULL, points INTEGER NOT NULL, bytes INTEGER NOT NULL, content TEXT NOT NULL
    ) STRICT`)
    db.run("CREATE INDEX by_device ON entries (device, seq)")
    db.run("CREATE TABLE rejected (batch TEXT NOT NULL, device TEXT NOT NULL, reason TEXT NOT NULL, content TEXT NOT NULL) STRICT")
    db.run("CREATE INDEX by_batch ON rejected (batch)")
    db.run(`PRAGMA user_version = ${version}`)
  })()
}
