/** The spool in a folder: what `contract.ts` says of every spool, and what becomes of its files. */
import { Database } from "bun:sqlite"
import { describe, expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { statSync } from "node:fs"
import { join } from "node:path"
import { inspectSpool } from "../../src/spool/sqlite/openSpool.ts"
import { live } from "../support/effectTest.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { testSpool } from "./contract.ts"
import { batch, devices, open } from "./open.ts"

const limits = { bytes: 1_000_000, age: 1000 }
const folder = temporaryFolder("spool")

describe("a spool in a folder", () =>
  testSpool(Effect.map(folder, (path) => ({ open: (given) => open(path, given), inspect: inspectSpool(path) }))))

live("a write that fails does not take those of the same commit with it", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, limits)
    const results = yield* Effect.all(
      [batch("1", { a: ["1"] }), batch("1", { b: ["1"] }), batch("2", { a: ["2"] })].map((one) => Effect.result(spool.add(one))),
      { concurrency: "unbounded" }
    )
    expect(results.map(({ _tag }) => _tag)).toEqual(["Success", "Failure", "Success"])
    expect(results[1]).toMatchObject({ failure: { _tag: "SpoolFailed" } })
    expect(yield* devices(spool)).toEqual(["a"])
    expect(yield* spool.waiting).toMatchObject({ entries: 2 })
  })
)

live("a write that is interrupted before its commit leaves nothing", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, limits)
    const fiber = yield* Effect.forkChild(spool.add(batch("1", { a: ["1"] })), { startImmediately: true })
    yield* Fiber.interrupt(fiber)
    yield* spool.add(batch("2", { a: ["2"] }))
    expect(yield* spool.batch("1")).toBeUndefined()
    expect(yield* spool.waiting).toMatchObject({ entries: 1 })
  })
)

live("a file of another version is not opened, and stays as it is", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const db = new Database(join(path, "spool.db"), { create: true })
    db.run("PRAGMA user_version = 99")
    db.close()
    const exit = yield* Effect.exit(Effect.scoped(open(path, limits)))
    expect(String(exit)).toContain("version 99")
  })
)

live("an import leaves nothing behind when it is delivered", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const spool = yield* open(path, limits)
    const staged = yield* spool.stage({ id: "1", owner: "key" })
    yield* staged.append(batch("1", { a: ["1"], b: ["2"] }).devices)
    yield* staged.accept
    for (const id of yield* devices(spool)) {
      const [entry] = yield* spool.next({ id }, 1, 0, 100)
      yield* spool.finish([{ entry: entry!, rejected: [] }])
    }
    const db = new Database(join(path, "spool.db"))
    expect(db.query("SELECT (SELECT count(*) FROM parts) + (SELECT count(*) FROM staged) left_over").get()).toEqual({ left_over: 0 })
    db.close()
  })
)

live("what was staged when the process ended is gone after a restart, and does not count", () =>
  Effect.gen(function* () {
    const path = yield* folder
    yield* Effect.scoped(Effect.flatMap(open(path, limits), (spool) => spool.add(batch("1", { a: ["1"] }))))
    const db = new Database(join(path, "spool.db"))
    db.run("INSERT INTO parts VALUES (7, '[]')")
    db.run("INSERT INTO staged (batch, device, points, bytes, part) VALUES ('2', 'a', 1, 1000, 7)")
    db.run("UPDATE totals SET bytes = bytes + 1000")
    db.close()
    const spool = yield* open(path, limits)
    expect(yield* spool.waiting).toMatchObject({ entries: 1, points: 1, bytes: Buffer.byteLength('[["temperature",0,"1"]]') })
  })
)

live("a second process cannot add and deliver", () =>
  Effect.gen(function* () {
    const path = yield* folder
    yield* open(path, limits)
    expect(yield* Effect.flip(Effect.scoped(open(path, limits)))).toMatchObject({ _tag: "SpoolInUse" })
  })
)

live("only its owner can read the files", () =>
  Effect.gen(function* () {
    const path = join(yield* folder, "new")
    const spool = yield* open(path, limits)
    yield* spool.add(batch("1", { a: ["1"] }))
    const modes = ["", "spool.db", "spool.db-wal"].map((name) => statSync(join(path, name)).mode & 0o777)
    expect(modes).toEqual([0o700, 0o600, 0o600])
  })
)
