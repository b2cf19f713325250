import { expect, test } from "bun:test"
import { LoadDetector } from "../../src/overload/LoadDetector.ts"

const limits = { maxMemory: 1000, maxDelay: 100 }
const levels = (samples: ReadonlyArray<{ readonly memory?: number; readonly delay?: number }>) => {
  const detector = new LoadDetector(limits)
  return samples.map(({ delay = 0, memory = 0 }) => detector.update({ memory, delay }).level)
}

test("memory: the levels begin above 80 % and 90 %, and end a little below", () => {
  const memory = [700, 800, 801, 900, 901, 880, 856, 854, 790, 761, 759]
  expect(levels(memory.map((one) => ({ memory: one })))).toEqual([0, 0, 1, 1, 2, 2, 2, 1, 1, 1, 0])
})

test("delay: one long turn is no overload, two seconds of them are", () => {
  const late = (count: number, delay: number) => Array.from({ length: count }, () => ({ delay }))
  expect(levels([...late(1, 10_000), ...late(9, 0)])).toEqual(Array.from({ length: 10 }, () => 0))
  expect(levels(late(5, 101)).at(-1)).toBe(1)
  expect(levels(late(5, 401)).at(-1)).toBe(2)
  expect(levels([...late(8, 401), ...late(5, 0)]).at(-1)).toBe(0)
})

test("the reason is the one with the higher level", () => {
  const detector = new LoadDetector(limits)
  for (let i = 0; i < 8; i++) detector.update({ memory: 850, delay: 1000 })
  expect(detector.update({ memory: 850, delay: 1000 })).toEqual({ level: 2, reason: "event_loop" })
  expect(detector.update({ memory: 950, delay: 1000 })).toEqual({ level: 2, reason: "memory" })
  expect(new LoadDetector(limits).update({ memory: 0, delay: 0 })).toEqual({ level: 0, reason: undefined })
})
