/** What the store of responses keeps: what was used last, within its size, until it expires or something it depends on is written. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { ReadStore } from "../../../src/thingsboard/reads/ReadStore.ts"

const anyAge = () => Number.POSITIVE_INFINITY
const bytes = (text: string) => Buffer.from(new Uint8Array(Buffer.from(text)).buffer)
const textOf = (store: ReadStore, key: string, now = 0) => store.find(key, now, anyAge)?.bytes.toString()

test("a response is found until it expires, and only if it is young enough for the client", () => {
  const store = new ReadStore(100_000)
  store.add("a", [], bytes("1"), 1000, 3000)
  expect(textOf(store, "a", 2999)).toBe("1")
  expect(store.find("a", 2000, () => 1000)?.readAt).toBe(1000)
  expect(store.find("a", 2001, () => 1000)).toBeUndefined()
  expect(store.find("a", 1000, () => 0)).toBeUndefined()
  expect(textOf(store, "a", 3000)).toBeUndefined()
  expect([store.usedBytes, store.isEmpty]).toEqual([0, true])
})

test("the least recently used responses make room, and one that is too large is not kept", () => {
  const store = new ReadStore(10_000)
  const large = bytes("x".repeat(2000))
  for (const key of ["a", "b", "c", "d"]) store.add(key, [], large, 0, 9)
  textOf(store, "a")
  store.add("e", [], large, 0, 9)
  expect(["a", "b", "c", "d", "e"].filter((key) => textOf(store, key) !== undefined)).toEqual(["a", "c", "d", "e"])
  store.add("c", [], bytes("x".repeat(2500)), 0, 9)
  expect(textOf(store, "c")).toBeUndefined()
})

test("a write removes what depends on it, an unknown one everything", () => {
  const store = new ReadStore(100_000)
  const fill = () => {
    store.add("a", ["one"], bytes("1"), 0, 9)
    store.add("b", ["two", "many"], bytes("2"), 0, 9)
    store.add("c", [], bytes("3"), 0, 9)
  }
  const left = () => ["a", "b", "c"].filter((key) => textOf(store, key) !== undefined)
  fill()
  store.removeAbout(["one", "nothing"])
  expect(left()).toEqual(["b", "c"])
  store.removeAbout(["many"])
  expect(left()).toEqual(["c"])
  fill()
  store.removeAbout("all")
  expect([left(), store.usedBytes]).toEqual([[], 0])
})

test("a response that is part of a larger buffer does not keep all of it", () => {
  const store = new ReadStore(100_000)
  store.add("a", [], Buffer.from(new ArrayBuffer(1_000_000), 10, 3), 0, 9)
  expect(store.find("a", 0, anyAge)?.bytes.buffer.byteLength).toBe(3)
})

test("whatever happens, the size is that of what is kept, and within the limit", () => {
  const key = fc.constantFrom("a", "b", "c", "d")
  const step = fc.oneof(
    fc.record({ add: key, size: fc.nat(3000), topic: fc.constantFrom("x", "y"), ttl: fc.nat(20) }),
    fc.record({ find: key }),
    fc.record({ write: fc.constantFrom("x", "y") }),
    fc.record({ sweep: fc.constant(true) })
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const store = new ReadStore(9000)
      for (const [now, one] of steps.entries()) {
        if ("add" in one) store.add(one.add, [one.topic], bytes("x".repeat(one.size)), now, now + one.ttl)
        else if ("find" in one) textOf(store, one.find, now)
        else if ("write" in one) store.removeAbout([one.write])
        else store.removeExpired(now)
        expect(store.usedBytes).toBeLessThanOrEqual(9000)
      }
      store.removeExpired(1000)
      expect([store.usedBytes, store.isEmpty]).toEqual([0, true])
    })
  )
})
