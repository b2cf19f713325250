import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { findExcess, isDeeperThan } from "../../src/json/jsonLimits.ts"
import { cpuMillisOf } from "../support/cpuTime.ts"

const bytes = (text: string) => Buffer.from(text)

const depthOf = (value: unknown): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

test("levels are counted as JSON.parse would build them, whatever strings contain", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), fc.constantFrom("", '"[[[["', '"\\"{{{"'), (json, text) => {
      const value = text === "" ? json : `[${json},${text}]`
      const depth = depthOf(JSON.parse(value))
      expect(isDeeperThan(bytes(value), depth)).toBe(false)
      if (depth > 0) expect(isDeeperThan(bytes(value), depth - 1)).toBe(true)
    })
  )
})

const partsOf = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 0
  const inside = Object.values(value)
  return Math.max(1, inside.length) + inside.reduce((sum: number, one) => sum + partsOf(one), 0)
}

test("fields and elements are counted, an empty array or object as one", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (json) => {
      const parts = partsOf(JSON.parse(json))
      expect(findExcess(bytes(json), 100, parts)).toBeUndefined()
      if (parts > 0) expect(findExcess(bytes(json), 100, parts - 1)).toBe("parts")
    })
  )
})

test("ten million brackets need no stack and little time", async () => {
  const cpuMillis = await cpuMillisOf(() => {
    expect(isDeeperThan(bytes("[]".repeat(5_000_000)), 64)).toBe(false)
    expect(isDeeperThan(bytes("[".repeat(10_000_000)), 64)).toBe(true)
  })
  expect(cpuMillis).toBeLessThan(2000)
})

test("an unterminated string ends the scan", () => {
  expect(isDeeperThan(bytes('"[[[[\\'), 1)).toBe(false)
})
