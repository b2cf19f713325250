import { expect, test } from "bun:test"
import { afterMillis } from "../../src/platform/sharedTimer.ts"
import { randomFrom } from "../support/random.ts"

test("timers end in their order, not early, and cancelled ones never", async () => {
  const random = randomFrom(7)
  const started = performance.now()
  const ended: Array<{ readonly millis: number; readonly after: number }> = []
  const cancelled: Array<number> = []
  const waits = Array.from({ length: 200 }, (_, i) => {
    const millis = Math.floor(random() * 150)
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = afterMillis(millis, () => {
      if (i % 3 === 0) cancelled.push(i)
      ended.push({ millis, after: performance.now() - started })
      resolve()
    })
    if (i % 3 !== 0) return promise
    cancel()
    cancel()
    return undefined
  })
  await Promise.all(waits)
  expect(cancelled).toEqual([])
  for (const { after, millis } of ended) expect(after).toBeGreaterThanOrEqual(millis)
  // Those of the same tick of 4 ms may end in any order.
  for (const [i, { millis }] of ended.entries()) if (i > 0) expect(millis).toBeGreaterThan(ended[i - 1]!.millis - 5)
})

test("a timer may start and cancel others when it ends", async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const cancel = afterMillis(30, () => resolve("not cancelled"))
  afterMillis(5, () => {
    cancel()
    afterMillis(40, () => resolve("cancelled"))
  })
  expect(await promise).toBe("cancelled")
})
