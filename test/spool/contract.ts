/** What both kinds of spool do: values and order, bounds, and what becomes of finished and rejected points. */
import { expect } from "bun:test"
import { Effect, type Scope } from "effect"
import type { SpoolLimits } from "../../src/spool/model.ts"
import type { Inspection, Spool } from "../../src/spool/Spool.ts"
import { live } from "../support/effectTest.ts"
import { batch, devices, finishNext, next } from "./open.ts"

const limits: SpoolLimits = { bytes: 1_000_000, age: 60_000 }

export interface Store {
  readonly open: (limits: SpoolLimits) => Effect.Effect<Spool, unknown, Scope.Scope>
  /** As `boardwalk spool` opens it, while a gateway uses it. */
  readonly inspect: Effect.Effect<Inspection, unknown, Scope.Scope>
}

const point = { key: "temperature", ts: 0, token: "1" }
const empty = { entries: 0, points: 0, bytes: 0, rejected: 0, oldest: undefined, age: 0 }

/** `store` makes a new, empty one. */
export const testSpool = (store: Effect.Effect<Store, unknown, Scope.Scope>): void => {
  const opened = (given: SpoolLimits = limits) => Effect.flatMap(store, ({ open }) => open(given))
  const sleep = (millis: number) => Effect.sleep(`${millis} millis`)

  live("tokens come back byte for byte after it is opened again", () =>
    Effect.gen(function* () {
      const { open } = yield* store
      const tokens = [
        "1.50",
        "9223372036854775807",
        "0.1000000000000000055511151231257827",
        "1E400",
        '"\\u00e9 é 😀"',
        '{"a": [1.0]}',
        "-0"
      ]
      yield* Effect.scoped(Effect.flatMap(open(limits), (spool) => spool.add(batch("1", { a: tokens }))))
      const spool = yield* open(limits)
      expect(yield* next(spool, "a", 1)).toMatchObject([
        { batch: "1", points: tokens.map((token, ts) => ({ key: "temperature", ts, token })) }
      ])
      const state = { id: "1", owner: "key", points: 7, stored: 0, rejected: 0, finishedAt: undefined }
      expect(yield* spool.batch("1")).toEqual({ ...state, acceptedAt: expect.any(Number) as number })
      expect(yield* spool.batch("2")).toBeUndefined()
    })
  )

  live("entries of a device come in order, with those of several batches together up to a number of points", () =>
    Effect.gen(function* () {
      const spool = yield* opened()
      yield* Effect.all(
        ["1", "2", "3"].map((id) => spool.add(batch(id, { [`d${id}`]: ["0"], a: ["1", "2"] }))),
        { concurrency: "unbounded" }
      )
      expect(yield* devices(spool)).toEqual(["d1", "a", "d2", "d3"])
      const batches = (maxPoints: number) => Effect.map(next(spool, "a", maxPoints), (found) => found.map((entry) => entry.batch))
      expect(yield* Effect.forEach([1, 4, 5, 100], batches)).toEqual([["1"], ["1", "2"], ["1", "2"], ["1", "2", "3"]])
      const [first, second] = yield* next(spool, "a", 100)
      expect((yield* spool.next({ id: "a" }, 100, first!.seq, second!.seq)).map(({ seq }) => seq)).toEqual([second!.seq])
      expect(yield* spool.lastSeq).toBeGreaterThan(second!.seq)
    })
  )

  live("thousands of entries are handed out in order", () =>
    Effect.gen(function* () {
      const spool = yield* opened()
      const ids = Array.from({ length: 2500 }, (_, index) => String(index))
      yield* Effect.forEach(ids, (id) => spool.add(batch(id, { a: [id], [`d${id}`]: [id] })), { concurrency: "unbounded", discard: true })
      expect((yield* next(spool, "a", Infinity)).map((entry) => entry.points[0]!.token)).toEqual(ids)
      const found: Array<string> = []
      for (let after: number | undefined = 0; after !== undefined;) {
        const page: { readonly ids: ReadonlyArray<string>; readonly next: number | undefined } = yield* spool.devices("key", after, 1e9)
        found.push(...page.ids)
        after = page.next
      }
      expect(new Set(found).size).toBe(2501)
    })
  )

  live("a batch of a hundred thousand devices is accepted as a whole", () =>
    Effect.gen(function* () {
      const spool = yield* opened({ bytes: 1e9, age: 60_000 })
      const device = (index: number) => ({ device: { id: `d${index}` }, points: [point] })
      yield* spool.add({ id: "1", owner: "key", devices: Array.from({ length: 100_000 }, (_, index) => device(index)) })
      yield* Effect.forEach(["2", "3", "4"], (id) => spool.add({ id, owner: "key", devices: [device(0), device(1)] }), { concurrency: 3 })
      expect(yield* spool.waiting).toMatchObject({ entries: 100_006, points: 100_006 })
      expect((yield* next(spool, "d0", 10)).map((entry) => entry.batch)).toEqual(["1", "2", "3", "4"])
    })
  )

  live("a batch is finished with its last entry; rejected points stay with their reason until the batch is forgotten", () =>
    Effect.gen(function* () {
      const spool = yield* opened()
      yield* spool.add(batch("1", { a: ["1", "2"], b: ["3"] }))
      const [a] = yield* next(spool, "a", 10)
      const rejected = [{ points: [a!.points[1]!], reason: "too\nlarge" }]
      yield* spool.finish([{ entry: a!, rejected }])
      expect(yield* spool.batch("1")).toMatchObject({ stored: 1, rejected: 1, finishedAt: undefined })
      // The same entry again changes nothing.
      yield* spool.finish([{ entry: a!, rejected }])
      yield* finishNext(spool, "b")
      expect(yield* spool.batch("1")).toMatchObject({ points: 3, stored: 2, rejected: 1, finishedAt: expect.any(Number) })
      expect(yield* spool.rejected("1", 10)).toEqual([{ device: { id: "a" }, points: 1, reason: "too\nlarge" }])
      expect(yield* spool.waiting).toMatchObject({ ...empty, bytes: expect.any(Number), rejected: 1 })
      expect(yield* spool.owners).toEqual([])
      expect(yield* spool.forget(60_000, 100)).toEqual({ batches: 0, points: 0 })
      expect(yield* spool.batch("1")).toBeDefined()
      yield* sleep(3)
      expect(yield* spool.forget(1, 100)).toEqual({ batches: 1, points: 1 })
      expect(yield* spool.forget(1, 100)).toEqual({ batches: 0, points: 0 })
      expect([yield* spool.batch("1"), yield* spool.rejected("1", 10)]).toEqual([undefined, []])
      expect(yield* spool.waiting).toEqual(empty)
    })
  )

  live("a batch without points is finished at once", () =>
    Effect.gen(function* () {
      const spool = yield* opened()
      yield* spool.add({ id: "1", owner: "key", devices: [] })
      expect(yield* spool.batch("1")).toMatchObject({ points: 0, finishedAt: expect.any(Number) })
    })
  )

  live("a batch beyond the bytes is refused as a whole, and those of the same moment are kept", () =>
    Effect.gen(function* () {
      const spool = yield* opened({ bytes: 200, age: 60_000 })
      const large = batch("large", { a: ["1"], b: ["2".repeat(200)] })
      const results = yield* Effect.all(
        [batch("1", { a: ["1"] }), large, batch("2", { a: ["2"] })].map((one) => Effect.result(spool.add(one))),
        { concurrency: "unbounded" }
      )
      expect(results.map(({ _tag }) => _tag)).toEqual(["Success", "Failure", "Success"])
      expect(results[1]).toMatchObject({ failure: { _tag: "SpoolFull", limit: "bytes" } })
      expect(yield* spool.batch("large")).toBeUndefined()
      expect(yield* devices(spool)).toEqual(["a"])
      expect((yield* next(spool, "a", 10)).map((entry) => entry.batch)).toEqual(["1", "2"])
      const staged = yield* spool.stage({ id: "3", owner: "key" })
      expect(yield* Effect.flip(staged.append(large.devices))).toMatchObject({ _tag: "SpoolFull", limit: "bytes" })
    })
  )

  live("nothing is taken while the oldest points wait for too long, and again when they are finished", () =>
    Effect.gen(function* () {
      const spool = yield* opened({ bytes: 1e6, age: 2000 })
      yield* spool.add(batch("1", { a: ["1"] }))
      yield* sleep(1500)
      yield* spool.add(batch("2", { b: ["1"] }))
      while ((yield* spool.waiting).age <= 2000) yield* sleep(20)
      expect(yield* Effect.flip(spool.add(batch("3", { b: ["1"] })))).toMatchObject({ _tag: "SpoolFull", limit: "age" })
      yield* finishNext(spool, "a")
      yield* spool.add(batch("3", { b: ["1"] }))
      const second = (yield* spool.batch("2"))!
      expect(yield* spool.waiting).toMatchObject({ entries: 2, oldest: second.acceptedAt })
    })
  )

  live("points that arrive in parts are delivered only once the whole batch is accepted, and are gone if it is not", () =>
    Effect.gen(function* () {
      const spool = yield* opened()
      const part = (id: string, token = "1") => [{ device: { id }, points: [{ ...point, token }] }]
      yield* Effect.scoped(Effect.flatMap(spool.stage({ id: "left", owner: "key" }), (staged) => staged.append(part("a"))))
      expect(yield* spool.waiting).toEqual(empty)
      const staged = yield* spool.stage({ id: "1", owner: "key" })
      yield* staged.append(part("a", "2"))
      yield* spool.add(batch("2", { a: ["1"] }))
      yield* staged.append([...part("b"), ...part("a", "3")])
      expect([yield* spool.batch("1"), yield* devices(spool)]).toEqual([undefined, ["a"]])
      yield* staged.accept
      expect(yield* spool.batch("1")).toMatchObject({ points: 3 })
      // In the order of acceptance, not of arrival.
      const found = yield* next(spool, "a", 10)
      expect(found.map((entry) => [entry.batch, entry.points[0]!.token])).toEqual([
        ["2", "1"],
        ["1", "2"],
        ["1", "3"]
      ])
      yield* spool.finish([...found, ...(yield* next(spool, "b", 10))].map((entry) => ({ entry, rejected: [] })))
      expect(yield* spool.batch("1")).toMatchObject({ stored: 3, finishedAt: expect.any(Number) })
      expect(yield* spool.waiting).toEqual(empty)
    })
  )

  live("names become devices at their place in the order, for one owner only", () =>
    Effect.gen(function* () {
      const spool = yield* opened()
      const name = "Boiler: 1\n\0 é"
      const named = (id: string, owner: string) => ({ id, owner, devices: [{ device: { name }, points: [point] }] })
      yield* spool.add(named("1", "key"))
      yield* spool.add(named("2", "other"))
      yield* spool.add(batch("3", { a: ["1"] }))
      expect([(yield* spool.owners).toSorted(), yield* spool.names("key", 10), yield* devices(spool)]).toEqual([
        ["key", "other"],
        [name],
        ["a"]
      ])
      yield* spool.resolve({ owner: "key", name }, "A")
      expect((yield* next(spool, "a", 10)).map((entry) => entry.batch)).toEqual(["1", "3"])
      expect([yield* spool.names("key", 10), yield* spool.names("other", 10)]).toEqual([[], [name]])
      const found = yield* spool.nextOfName({ owner: "other", name }, 10)
      expect(found).toMatchObject([{ batch: "2", device: { name } }])
      yield* spool.finish([{ entry: found[0]!, rejected: [{ points: found[0]!.points, reason: "no device has this name" }] }])
      expect([yield* spool.names("other", 10), yield* spool.rejected("2", 1)]).toMatchObject([[], [{ device: { name } }]])
      yield* spool.finish((yield* next(spool, "a", 10)).map((entry) => ({ entry, rejected: [] })))
      expect([yield* spool.owners, yield* devices(spool)]).toEqual([[], []])
    })
  )

  live("entries of two owners alternate on one device, and those of one owner can be found", () =>
    Effect.gen(function* () {
      const spool = yield* opened()
      const of = (id: string, owner: string) => ({ id, owner, devices: [{ device: { id: "a" }, points: [point] }] })
      for (const [id, owner] of [
        ["1", "key"],
        ["2", "other"],
        ["3", "key"]
      ] as const)
        yield* spool.add(of(id, owner))
      expect((yield* next(spool, "a", 10)).map((entry) => entry.batch)).toEqual(["1"])
      expect((yield* spool.ofOwner("key")).map((entry) => entry.batch).toSorted()).toEqual(["1", "3"])
      yield* finishNext(spool, "a")
      expect((yield* next(spool, "a", 10)).map((entry) => entry.batch)).toEqual(["2"])
      expect((yield* spool.devices("key", 0, 100)).ids).toEqual(["a"])
      yield* finishNext(spool, "a")
      yield* finishNext(spool, "a")
      expect((yield* spool.devices("key", 0, 100)).ids).toEqual([])
    })
  )

  live("somebody else can look, retry and drop meanwhile", () =>
    Effect.gen(function* () {
      const made = yield* store
      const spool = yield* made.open(limits)
      yield* spool.add(batch("1", { a: ["1", "2"] }))
      yield* sleep(2)
      yield* spool.add(batch("2", { a: ["3"] }))
      yield* finishNext(spool, "a", "too large")
      const other = yield* made.inspect
      expect(yield* other.unfinished(10)).toMatchObject([
        { id: "1", rejected: 2, finishedAt: expect.any(Number) },
        { id: "2", stored: 0, finishedAt: undefined }
      ])
      expect((yield* other.unfinished(1)).map(({ id }) => id)).toEqual(["1"])
      expect(yield* other.retry("1")).toBe(2)
      expect(yield* spool.batch("1")).toMatchObject({ rejected: 0, finishedAt: undefined })
      // Behind what was accepted meanwhile.
      expect((yield* next(spool, "a", 10)).map((entry) => entry.batch)).toEqual(["2", "1"])
      expect([yield* other.drop("2"), yield* other.drop("2")]).toEqual([1, undefined])
      expect((yield* next(spool, "a", 10)).map((entry) => entry.batch)).toEqual(["1"])
      expect(yield* spool.waiting).toMatchObject({ entries: 1, points: 2, rejected: 0 })
      yield* finishNext(spool, "a", "too large")
      expect(yield* other.retry(undefined)).toBe(2)
      expect(yield* other.retry(undefined)).toBe(0)
      yield* finishNext(spool, "a")
      expect(yield* spool.waiting).toEqual(empty)
    })
  )

  live("of many batches, the oldest stored ones are forgotten, but none that waits or has rejected points", () =>
    Effect.gen(function* () {
      const spool = yield* opened()
      for (const id of ["rejected", "waiting", "1", "2", "3"]) yield* spool.add(batch(id, { [id]: ["1"] }))
      for (const id of ["3", "1", "2"]) {
        yield* finishNext(spool, id)
        yield* sleep(2)
      }
      yield* finishNext(spool, "rejected", "too large")
      expect(yield* spool.forget(60_000, 4)).toEqual({ batches: 1, points: 0 })
      const known = Effect.filter(["rejected", "waiting", "1", "2", "3"], (id) =>
        Effect.map(spool.batch(id), (found) => found !== undefined)
      )
      expect(yield* known).toEqual(["rejected", "waiting", "1", "2"])
      expect(yield* spool.forget(60_000, 0)).toEqual({ batches: 2, points: 0 })
      expect(yield* known).toEqual(["rejected", "waiting"])
      expect(yield* spool.waiting).toMatchObject({ points: 1, rejected: 1 })
    })
  )
}
