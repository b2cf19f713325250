/** The durable queue: values and order, bounds, and what becomes of finished and rejected points. */
import { Database } from "bun:sqlite"
import { expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { join } from "node:path"
import { openSpool } from "../../src/spool/Spool.ts"
import { live } from "../support/effectTest.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"

const limits = { bytes: 1_000_000, age: 1000 }
const spoolFile = Effect.map(temporaryFolder("spool"), (folder) => join(folder, "spool.db"))

const batch = (id: string, tokens: Record<string, ReadonlyArray<string>>, acceptedAt = 0) => ({
  id,
  owner: "key",
  acceptedAt,
  devices: Object.entries(tokens).map(([deviceId, values]) => ({
    deviceId,
    points: values.map((token, ts) => ({ key: "temperature", ts, token }))
  }))
})

live("tokens come back byte for byte after the file is opened again", () =>
  Effect.gen(function* () {
    const file = yield* spoolFile
    const tokens = ["1.50", "9223372036854775807", "0.1000000000000000055511151231257827", "1E400", '"\\u00e9 é"', '{"a": [1.0]}', "-0"]
    yield* Effect.scoped(Effect.flatMap(openSpool(file, limits), (spool) => spool.add(batch("1", { a: tokens }))))
    const spool = yield* openSpool(file, limits)
    expect(spool.next("a", 1)).toMatchObject([{ batch: "1", points: tokens.map((token, ts) => ({ key: "temperature", ts, token })) }])
    expect(spool.batch("1")).toEqual({ owner: "key", acceptedAt: 0, points: 7, stored: 0, rejected: 0, finishedAt: undefined })
    expect(spool.batch("2")).toBeUndefined()
  })
)

live("entries of a device come in order, with those of several batches together up to a number of points", () =>
  Effect.gen(function* () {
    const spool = yield* openSpool(yield* spoolFile, limits)
    yield* Effect.all(
      ["1", "2", "3"].map((id) => spool.add(batch(id, { [`d${id}`]: ["0"], a: ["1", "2"] }))),
      { concurrency: "unbounded" }
    )
    expect(spool.devices(10)).toEqual(["d1", "a", "d2", "d3"])
    expect(spool.devices(1)).toEqual(["d1"])
    const batches = (maxPoints: number) => spool.next("a", maxPoints).map((entry) => entry.batch)
    expect([batches(1), batches(4), batches(5), batches(100)]).toEqual([["1"], ["1", "2"], ["1", "2"], ["1", "2", "3"]])
  })
)

live("a batch is finished with its last entry; rejected points stay with their reason until the batch is forgotten", () =>
  Effect.gen(function* () {
    const spool = yield* openSpool(yield* spoolFile, limits)
    yield* spool.add(batch("1", { a: ["1", "2"], b: ["3"] }))
    const [a] = spool.next("a", 10)
    const rejected = [{ deviceId: "a", points: [a!.points[1]!], reason: "too large" }]
    yield* spool.finish([{ entry: a!, rejected }], 50)
    expect(spool.batch("1")).toMatchObject({ stored: 1, rejected: 1, finishedAt: undefined })
    // The same entry again changes nothing.
    yield* spool.finish([{ entry: a!, rejected }], 60)
    yield* spool.finish([{ entry: spool.next("b", 10)[0]!, rejected: [] }], 70)
    expect(spool.batch("1")).toMatchObject({ points: 3, stored: 2, rejected: 1, finishedAt: 70 })
    expect(spool.rejected("1")).toEqual(rejected)
    expect(spool.waiting()).toEqual({ entries: 0, bytes: 0, oldest: undefined })
    yield* spool.forget(70)
    expect(spool.batch("1")).toBeDefined()
    yield* spool.forget(71)
    expect([spool.batch("1"), spool.rejected("1")]).toEqual([undefined, []])
  })
)

live("a batch beyond the bytes is refused as a whole, and those of the same commit are kept", () =>
  Effect.gen(function* () {
    const spool = yield* openSpool(yield* spoolFile, { bytes: 200, age: 1000 })
    const large = batch("large", { a: ["1"], b: ["2".repeat(200)] })
    const results = yield* Effect.all(
      [batch("1", { a: ["1"] }), large, batch("2", { a: ["2"] })].map((one) => Effect.result(spool.add(one))),
      { concurrency: "unbounded" }
    )
    expect(results.map(({ _tag }) => _tag)).toEqual(["Success", "Failure", "Success"])
    expect(results[1]).toMatchObject({ failure: { _tag: "SpoolFull", limit: "bytes" } })
    expect(spool.batch("large")).toBeUndefined()
    expect(spool.devices(10)).toEqual(["a"])
    expect(spool.next("a", 10).map((entry) => entry.batch)).toEqual(["1", "2"])
  })
)

live("nothing is taken while the oldest points wait for too long, and again when they are finished", () =>
  Effect.gen(function* () {
    const spool = yield* openSpool(yield* spoolFile, limits)
    yield* spool.add(batch("1", { a: ["1"] }, 0))
    yield* spool.add(batch("2", { a: ["1"] }, 1000))
    expect(yield* Effect.flip(spool.add(batch("3", { b: ["1"] }, 1001)))).toMatchObject({ _tag: "SpoolFull", limit: "age" })
    yield* spool.finish([{ entry: spool.next("a", 1)[0]!, rejected: [] }], 1001)
    yield* spool.add(batch("3", { b: ["1"] }, 1001))
    expect(spool.waiting()).toMatchObject({ entries: 2, oldest: 1000 })
  })
)

live("a write that fails does not take those of the same commit with it", () =>
  Effect.gen(function* () {
    const spool = yield* openSpool(yield* spoolFile, limits)
    const results = yield* Effect.all(
      [batch("1", { a: ["1"] }), batch("1", { b: ["1"] }), batch("2", { a: ["2"] })].map((one) => Effect.result(spool.add(one))),
      { concurrency: "unbounded" }
    )
    expect(results.map(({ _tag }) => _tag)).toEqual(["Success", "Failure", "Success"])
    expect(results[1]).toMatchObject({ failure: { _tag: "SpoolFailed" } })
    expect(spool.devices(10)).toEqual(["a"])
    expect(spool.waiting().entries).toBe(2)
  })
)

live("a write that is interrupted before its commit leaves nothing", () =>
  Effect.gen(function* () {
    const spool = yield* openSpool(yield* spoolFile, limits)
    const fiber = yield* Effect.forkChild(spool.add(batch("1", { a: ["1"] })), { startImmediately: true })
    yield* Fiber.interrupt(fiber)
    yield* spool.add(batch("2", { a: ["2"] }))
    expect([spool.batch("1"), spool.waiting().entries]).toEqual([undefined, 1])
  })
)

live("a file of another version is not opened, and stays as it is", () =>
  Effect.gen(function* () {
    const file = yield* spoolFile
    const db = new Database(file, { create: true })
    db.run("PRAGMA user_version = 99")
    db.close()
    const exit = yield* Effect.exit(Effect.scoped(openSpool(file, limits)))
    expect(String(exit)).toContain("version 99")
  })
)
