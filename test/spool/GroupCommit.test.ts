/** A full disk, for which a limit on the pages of the file stands. */
import { Database } from "bun:sqlite"
import { expect } from "bun:test"
import { Effect } from "effect"
import { GroupCommit } from "../../src/spool/sqlite/GroupCommit.ts"
import { openTables } from "../../src/spool/sqlite/tables.ts"
import { live } from "../support/effectTest.ts"

live("what does not fit on the disk fails alone, and what frees space in the same commit succeeds", () =>
  Effect.gen(function* () {
    const db = yield* Effect.acquireRelease(
      Effect.sync(() => new Database(":memory:", { strict: true })),
      (opened) => Effect.sync(() => opened.close())
    )
    openTables(db)
    db.run("PRAGMA max_page_count = 44")
    const writes = new GroupCommit(db, { begin: () => {}, end: () => {} })
    const insert = db.query(
      "INSERT INTO entries (batch, owner, device, accepted_at, points, bytes, content) VALUES ('1', 'key', 'a', 0, 1, 1, ?)"
    )
    const add = (bytes: number) =>
      writes.write(() => {
        insert.run("x".repeat(bytes))
        return undefined
      })
    const removeAll = writes.write(() => {
      db.run("DELETE FROM entries")
      return undefined
    })
    yield* add(50_000)
    const results = yield* Effect.all([add(200_000), removeAll, add(60_000)].map(Effect.result), { concurrency: "unbounded" })
    expect(results).toMatchObject([{ failure: { _tag: "SpoolFull", limit: "disk" } }, { _tag: "Success" }, { _tag: "Success" }])
    expect(db.query("SELECT length(content) length FROM entries").all()).toEqual([{ length: 60_000 }])
  })
)
