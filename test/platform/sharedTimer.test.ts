import { expect, test } from "bun:test"
import { afterMillis } from "../../src/platform/sharedTimer.ts"
import { randomFrom } from "../support/random.ts"

test("timers end in their order, not early, and cancelled ones never", async () => {
  const random = randomFrom(7)
  const tick = 4
  const ended: Array<{ readonly dueAt: number; readonly endedAt: number }> = []
  const cancelled: Array<number> = []
  const waits = Array.from({ length: 200 }, (_, i) => {
    const millis = Math.floor(random() * 150)
    const { promise, resolve } = Promise.withResolvers<void>()
    const dueAt = performance.now() + millis
    const cancel = afterMillis(millis, () => {
      if (i % 3 === 0) cancelled.push(i)
      ended.push({ dueAt, endedAt: performance.now() })
      resolve()
    })
    if (i % 3 !== 0) return promise
    cancel()
    cancel()
    return undefined
  })
  await Promise.all(waits)
  expect(cancelled).toEqual([])
  for (const { dueAt, endedAt } of ended) expect(endedAt).toBeGreaterThanOrEqual(dueAt)
  // Those of the same tick may end in any order.
  for (const [i, { dueAt }] of ended.entries()) if (i > 0) expect(dueAt).toBeGreaterThan(ended[i - 1]!.dueAt - 2 * tick)
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
