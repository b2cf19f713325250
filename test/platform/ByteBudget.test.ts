/** Memory that requests reserve: limited in total and per key, granted in order, and released exactly once. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { ByteBudget, type Reservation } from "../../src/platform/ByteBudget.ts"

test("one key gets at most half, and a request that holds nothing leaves a quarter to those that do", () => {
  const budget = new ByteBudget(1000)
  const [a, b, c] = [budget.open("a"), budget.open("b"), budget.open("c")]
  expect(a.tryReserve(501)).toBe(false)
  expect(a.tryReserve(375)).toBe(true)
  expect(budget.open("a").tryReserve(1)).toBe(false)
  expect(a.tryReserve(125)).toBe(true)
  expect(a.tryReserve(1)).toBe(false)
  expect(b.tryReserve(251)).toBe(false)
  expect(b.tryReserve(250)).toBe(true)
  expect(c.tryReserve(1)).toBe(false)
  expect(b.tryReserve(250)).toBe(true)
  expect(b.tryReserve(1)).toBe(false)
  a.close()
  expect([budget.usedBytes, budget.keyCount]).toEqual([500, 1])
  expect(c.tryReserve(1)).toBe(true)
})

test("a request waits until memory is released, the one that waited longest first", async () => {
  const budget = new ByteBudget(1000)
  const [holder, other] = [budget.open("a"), budget.open("b")]
  holder.tryReserve(375)
  other.tryReserve(375)
  const order: Array<string> = []
  const waits = ["c", "d"].map((key) => Promise.resolve(budget.open(key).reserve(300)).then((granted) => order.push(`${key} ${granted}`)))
  await Promise.resolve()
  expect(order).toEqual([])
  holder.close()
  await Promise.all(waits.slice(0, 1))
  expect(order).toEqual(["c true"])
  other.close()
  await Promise.all(waits)
  expect(order).toEqual(["c true", "d true"])
})

test("a request that is aborted while it waits reserves nothing, then or later", async () => {
  const budget = new ByteBudget(1000)
  const holder = budget.open("a")
  holder.tryReserve(375)
  holder.tryReserve(125)
  const abort = new AbortController()
  const [aborted, closed] = [budget.open("a"), budget.open("a")]
  const waits = [aborted.reserve(100, abort.signal), closed.reserve(100)]
  abort.abort()
  closed.close()
  expect(await waits[0]!).toBe(false)
  holder.close()
  expect([aborted.bytes, closed.bytes, budget.usedBytes]).toEqual([0, 0, 0])
  expect(closed.tryReserve(1)).toBe(false)
})

test("a request that fits by itself is let in, however small the budget is", () => {
  const budget = new ByteBudget(1000)
  expect(budget.open("a").tryReserve(500)).toBe(true)
  expect(budget.open("b").tryReserve(500)).toBe(false)
  expect(new ByteBudget(1000).open("a").tryReserve(501)).toBe(false)
})

test("only some requests of a key wait; more are rejected at once", async () => {
  const budget = new ByteBudget(1000)
  const holder = budget.open("a")
  holder.tryReserve(500)
  const waits = Array.from({ length: 16 }, () => budget.open("a").reserve(1))
  expect(await budget.open("a").reserve(1)).toBe(false)
  holder.close()
  expect(await Promise.all(waits)).toEqual(waits.map(() => true))
})

test("what was released is reported, for the collector", async () => {
  let released = 0
  const budget = new ByteBudget(1000, (bytes) => (released += bytes))
  const one = budget.open("a")
  one.tryReserve(300)
  one.release(100)
  one.close()
  expect(released).toBe(0) // whoever releases may still use it
  await new Promise((resolve) => setImmediate(resolve))
  expect(released).toBe(300)
})

test("requests that all wait for each other do not wait in vain: the newest are rejected, and the oldest finishes", async () => {
  const budget = new ByteBudget(1000)
  const requests = Array.from({ length: 10 }, () => budget.open("a"))
  const results = await Promise.all(
    requests.map(async (reservation) => {
      for (let i = 0; i < 4; i++) {
        if (!(await reservation.reserve(100))) {
          reservation.close()
          return false
        }
      }
      reservation.close()
      return true
    })
  )
  expect(results[0]).toBe(true)
  expect(results.filter(Boolean).length).toBeGreaterThan(0)
  expect([budget.usedBytes, budget.keyCount]).toEqual([0, 0])
})

type Step =
  | { readonly do: "open"; readonly key: string }
  | { readonly do: "try" | "wait" | "release"; readonly at: number; readonly bytes: number }
  | { readonly do: "close" | "abort"; readonly at: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("open" as const), key: fc.constantFrom("a", "b", "c") }),
  fc.record({ do: fc.constantFrom("try" as const, "wait" as const, "release" as const), at: fc.nat(20), bytes: fc.nat(400) }),
  fc.record({ do: fc.constantFrom("close" as const, "abort" as const), at: fc.nat(20) })
)

test("whatever requests do, the limits hold, the sum is what they hold, and everything is released in the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const budget = new ByteBudget(1000)
      const open: Array<{ readonly reservation: Reservation; readonly abort: AbortController }> = []
      const waits: Array<boolean | Promise<boolean>> = []
      const check = () => {
        const held = open.map(({ reservation }) => reservation)
        expect(held.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(budget.usedBytes)
        expect(budget.usedBytes).toBeLessThanOrEqual(1000)
        for (const key of ["a", "b", "c"])
          expect(held.filter(({ keyId }) => keyId === key).reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(500)
      }
      for (const one of steps) {
        if (one.do === "open") open.push({ reservation: budget.open(one.key), abort: new AbortController() })
        else {
          const request = open[one.at % Math.max(1, open.length)]
          if (request === undefined) continue
          const { abort, reservation } = request
          if (one.do === "try") reservation.tryReserve(one.bytes)
          else if (one.do === "wait") waits.push(reservation.reserve(one.bytes, abort.signal))
          else if (one.do === "release") reservation.release(one.bytes)
          else if (one.do === "abort") abort.abort()
          else reservation.close()
        }
        check()
      }
      for (const { abort, reservation } of open) {
        abort.abort()
        reservation.close()
        reservation.close()
        check()
      }
      await Promise.all(waits)
      expect([budget.usedBytes, budget.keyCount]).toEqual([0, 0])
    }),
    { numRuns: 500 }
  )
})
