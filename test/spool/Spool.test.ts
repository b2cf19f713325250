/** The durable queue: values and order, bounds, and what becomes of finished and rejected points. */
import { Database } from "bun:sqlite"
import { expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { statSync } from "node:fs"
import { join } from "node:path"
import { inspectSpool } from "../../src/spool/Spool.ts"
import { live } from "../support/effectTest.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { batch, devices, next, open } from "./open.ts"

const limits = { bytes: 1_000_000, age: 1000 }
const folder = temporaryFolder("spool")

live("tokens come back byte for byte after the file is opened again", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const tokens = ["1.50", "9223372036854775807", "0.1000000000000000055511151231257827", "1E400", '"\\u00e9 é"', '{"a": [1.0]}', "-0"]
    yield* Effect.scoped(Effect.flatMap(open(path, limits), (spool) => spool.add(batch("1", { a: tokens }))))
    const spool = yield* open(path, limits)
    expect(next(spool, "a", 1)).toMatchObject([{ batch: "1", points: tokens.map((token, ts) => ({ key: "temperature", ts, token })) }])
    expect(spool.batch("1")).toEqual({ id: "1", owner: "key", acceptedAt: 0, points: 7, stored: 0, rejected: 0, finishedAt: undefined })
    expect(spool.batch("2")).toBeUndefined()
  })
)

live("entries of a device come in order, with those of several batches together up to a number of points", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, limits)
    yield* Effect.all(
      ["1", "2", "3"].map((id) => spool.add(batch(id, { [`d${id}`]: ["0"], a: ["1", "2"] }))),
      { concurrency: "unbounded" }
    )
    expect(devices(spool)).toEqual(["d1", "a", "d2", "d3"])
    const batches = (maxPoints: number) => next(spool, "a", maxPoints).map((entry) => entry.batch)
    expect([batches(1), batches(4), batches(5), batches(100)]).toEqual([["1"], ["1", "2"], ["1", "2"], ["1", "2", "3"]])
  })
)

live("a batch is finished with its last entry; rejected points stay with their reason until the batch is forgotten", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, limits)
    yield* spool.add(batch("1", { a: ["1", "2"], b: ["3"] }))
    const [a] = next(spool, "a", 10)
    const rejected = [{ points: [a!.points[1]!], reason: "too large" }]
    yield* spool.finish([{ entry: a!, rejected }], 50)
    expect(spool.batch("1")).toMatchObject({ stored: 1, rejected: 1, finishedAt: undefined })
    // The same entry again changes nothing.
    yield* spool.finish([{ entry: a!, rejected }], 60)
    yield* spool.finish([{ entry: next(spool, "b", 10)[0]!, rejected: [] }], 70)
    expect(spool.batch("1")).toMatchObject({ points: 3, stored: 2, rejected: 1, finishedAt: 70 })
    expect(spool.rejected("1", 10)).toEqual([{ device: { id: "a" }, points: 1, reason: "too large" }])
    expect(spool.waiting()).toMatchObject({ entries: 0, points: 0, rejected: 1, oldest: undefined })
    yield* spool.forget(70, 100)
    expect(spool.batch("1")).toBeDefined()
    expect(yield* spool.forget(71, 100)).toEqual({ batches: 1, points: 1 })
    expect(yield* spool.forget(71, 100)).toEqual({ batches: 0, points: 0 })
    expect([spool.batch("1"), spool.rejected("1", 10)]).toEqual([undefined, []])
    expect(spool.waiting()).toMatchObject({ bytes: 0, rejected: 0 })
  })
)

live("a batch beyond the bytes is refused as a whole, and those of the same commit are kept", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, { bytes: 200, age: 1000 })
    const large = batch("large", { a: ["1"], b: ["2".repeat(200)] })
    const results = yield* Effect.all(
      [batch("1", { a: ["1"] }), large, batch("2", { a: ["2"] })].map((one) => Effect.result(spool.add(one))),
      { concurrency: "unbounded" }
    )
    expect(results.map(({ _tag }) => _tag)).toEqual(["Success", "Failure", "Success"])
    expect(results[1]).toMatchObject({ failure: { _tag: "SpoolFull", limit: "bytes" } })
    expect(spool.batch("large")).toBeUndefined()
    expect(devices(spool)).toEqual(["a"])
    expect(next(spool, "a", 10).map((entry) => entry.batch)).toEqual(["1", "2"])
  })
)

live("nothing is taken while the oldest points wait for too long, and again when they are finished", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, limits)
    yield* spool.add(batch("1", { a: ["1"] }, 0))
    yield* spool.add(batch("2", { a: ["1"] }, 1000))
    expect(yield* Effect.flip(spool.add(batch("3", { b: ["1"] }, 1001)))).toMatchObject({ _tag: "SpoolFull", limit: "age" })
    yield* spool.finish([{ entry: next(spool, "a", 1)[0]!, rejected: [] }], 1001)
    yield* spool.add(batch("3", { b: ["1"] }, 1001))
    expect(spool.waiting()).toMatchObject({ entries: 2, oldest: 1000 })
  })
)

live("a write that fails does not take those of the same commit with it", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, limits)
    const results = yield* Effect.all(
      [batch("1", { a: ["1"] }), batch("1", { b: ["1"] }), batch("2", { a: ["2"] })].map((one) => Effect.result(spool.add(one))),
      { concurrency: "unbounded" }
    )
    expect(results.map(({ _tag }) => _tag)).toEqual(["Success", "Failure", "Success"])
    expect(results[1]).toMatchObject({ failure: { _tag: "SpoolFailed" } })
    expect(devices(spool)).toEqual(["a"])
    expect(spool.waiting().entries).toBe(2)
  })
)

live("a write that is interrupted before its commit leaves nothing", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, limits)
    const fiber = yield* Effect.forkChild(spool.add(batch("1", { a: ["1"] })), { startImmediately: true })
    yield* Fiber.interrupt(fiber)
    yield* spool.add(batch("2", { a: ["2"] }))
    expect([spool.batch("1"), spool.waiting().entries]).toEqual([undefined, 1])
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

live("points that arrive in parts are delivered only once the whole batch is accepted, and are gone if it is not", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const spool = yield* open(path, limits)
    const points = [{ key: "temperature", ts: 0, token: "1" }]
    const part = (id: string) => [{ device: { id }, points }]
    yield* Effect.scoped(Effect.flatMap(spool.stage({ id: "left", owner: "key" }), (staged) => staged.append(part("a"), 0)))
    expect(spool.waiting()).toEqual({ entries: 0, points: 0, bytes: 0, rejected: 0, oldest: undefined })
    const staged = yield* spool.stage({ id: "1", owner: "key" })
    yield* staged.append(part("a"), 0)
    yield* spool.add(batch("2", { a: ["2"] }))
    yield* staged.append([...part("b"), ...part("a")], 0)
    expect([spool.batch("1"), devices(spool)]).toEqual([undefined, ["a"]])
    yield* staged.accept(5)
    expect(spool.batch("1")).toMatchObject({ points: 3, acceptedAt: 5 })
    // In the order of acceptance, not of arrival.
    const found = next(spool, "a", 10)
    expect(found.map((entry) => entry.batch)).toEqual(["2", "1", "1"])
    yield* spool.finish(
      [...found, ...next(spool, "b", 10)].map((entry) => ({ entry, rejected: [] })),
      9
    )
    expect(spool.batch("1")).toMatchObject({ stored: 3, finishedAt: 9 })
    expect(spool.waiting()).toEqual({ entries: 0, points: 0, bytes: 0, rejected: 0, oldest: undefined })
    const db = new Database(join(path, "spool.db"))
    expect(db.query("SELECT (SELECT count(*) FROM parts) + (SELECT count(*) FROM staged) left_over").get()).toEqual({ left_over: 0 })
    db.close()
  })
)

live("what was staged when the process ended is gone after a restart, and does not count", () =>
  Effect.gen(function* () {
    const path = yield* folder
    yield* Effect.scoped(
      Effect.gen(function* () {
        const spool = yield* open(path, limits)
        yield* spool.add(batch("1", { a: ["1"] }))
      })
    )
    const db = new Database(join(path, "spool.db"))
    db.run("INSERT INTO parts VALUES (7, '[]')")
    db.run("INSERT INTO staged (batch, device, points, bytes, part) VALUES ('2', 'a', 1, 1000, 7)")
    db.run("UPDATE totals SET bytes = bytes + 1000")
    db.close()
    const spool = yield* open(path, limits)
    expect(spool.waiting()).toMatchObject({ entries: 1, points: 1, bytes: Buffer.byteLength('[["temperature",0,"1"]]') })
  })
)

live("a second process can look, retry and drop, but not add and deliver", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const spool = yield* open(path, limits)
    yield* spool.add(batch("1", { a: ["1", "2"] }))
    yield* spool.add(batch("2", { a: ["3"] }))
    expect(yield* Effect.flip(Effect.scoped(open(path, limits)))).toMatchObject({ _tag: "SpoolInUse" })
    const [first] = next(spool, "a", 1)
    yield* spool.finish([{ entry: first!, rejected: [{ points: first!.points, reason: "too large" }] }], 1)
    const other = yield* inspectSpool(path)
    expect(other.unfinished(10)).toMatchObject([
      { id: "1", rejected: 2, finishedAt: 1 },
      { id: "2", stored: 0, finishedAt: undefined }
    ])
    expect(yield* other.retry("1", 2)).toBe(2)
    expect(spool.batch("1")).toMatchObject({ rejected: 0, finishedAt: undefined })
    // Behind what was accepted meanwhile.
    expect(next(spool, "a", 10).map((entry) => entry.batch)).toEqual(["2", "1"])
    expect(yield* other.drop("2")).toBe(1)
    expect(yield* other.drop("2")).toBeUndefined()
    expect(next(spool, "a", 10).map((entry) => entry.batch)).toEqual(["1"])
    expect(spool.waiting()).toMatchObject({ entries: 1, points: 2, rejected: 0 })
  })
)

live("names become devices at their place in the order, for one owner only", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, limits)
    const points = [{ key: "temperature", ts: 0, token: "1" }]
    const named = (id: string, owner: string) => ({ id, owner, acceptedAt: 0, devices: [{ device: { name: "Boiler: 1" }, points }] })
    yield* spool.add(named("1", "key"))
    yield* spool.add(named("2", "other"))
    yield* spool.add(batch("3", { a: ["1"] }))
    expect([spool.owners(), spool.names("key", 10), devices(spool)]).toEqual([["key", "other"], ["Boiler: 1"], ["a"]])
    yield* spool.resolve({ owner: "key", name: "Boiler: 1" }, "A")
    expect(next(spool, "a", 10).map((entry) => entry.batch)).toEqual(["1", "3"])
    expect([spool.names("key", 10), spool.names("other", 10)]).toEqual([[], ["Boiler: 1"]])
    expect(spool.nextOfName("other", "Boiler: 1", 10)).toMatchObject([{ batch: "2", device: { name: "Boiler: 1" } }])
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

live("of many batches, the oldest stored ones are forgotten, but none that waits or has rejected points", () =>
  Effect.gen(function* () {
    const spool = yield* open(yield* folder, limits)
    for (const id of ["rejected", "waiting", "1", "2", "3"]) yield* spool.add(batch(id, { [id]: ["1"] }))
    for (const [id, at] of [
      ["3", 1],
      ["1", 2],
      ["2", 3]
    ] as const)
      yield* spool.finish([{ entry: next(spool, id, 1)[0]!, rejected: [] }], at)
    const entry = next(spool, "rejected", 1)[0]!
    yield* spool.finish([{ entry, rejected: [{ points: entry.points, reason: "too large" }] }], 0)
    expect(yield* spool.forget(0, 4)).toEqual({ batches: 1, points: 0 })
    const known = () => ["rejected", "waiting", "1", "2", "3"].filter((id) => spool.batch(id) !== undefined)
    expect(known()).toEqual(["rejected", "waiting", "1", "2"])
    expect(yield* spool.forget(0, 0)).toEqual({ batches: 2, points: 0 })
    expect(known()).toEqual(["rejected", "waiting"])
    expect(spool.waiting()).toMatchObject({ points: 1, rejected: 1 })
  })
)
