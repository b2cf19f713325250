/** The body of a write has each key once per timestamp, with its last value, however many keys there are. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { never, runAtOnce } from "../../../src/domain/Steps.ts"
import { batchEnd, makeBatch } from "../../../src/thingsboard/requests/telemetryBatches.ts"
import { propertySeed } from "../../support/propertySeed.ts"

const anyPoints = fc.integer({ min: 1, max: 30 }).chain((keys) =>
  fc.array(
    fc.record({
      ts: fc.integer({ min: 0, max: 3 }),
      key: fc.oneof(fc.nat(keys).map(String), fc.constantFrom("__proto__", 'a"b', "")),
      token: fc.constantFrom("1", "1.10", '"on"', '{"a":[1]}', "true")
    }),
    { minLength: 1, maxLength: 120 }
  )
)

test("any points are merged by time and key, in the order in which these come first", () => {
  fc.assert(
    fc.property(anyPoints, (points) => {
      const times = new Map<number, Map<string, string>>()
      for (const { key, token, ts } of points) times.set(ts, (times.get(ts) ?? new Map<string, string>()).set(key, token))
      const expected = [...times].map(
        ([ts, values]) => `{"ts":${ts},"values":{${[...values].map(([key, token]) => `${JSON.stringify(key)}:${token}`).join(",")}}}`
      )
      expect(runAtOnce(makeBatch(points, 0, never))).toEqual({
        json: `[${expected.join(",")}]`,
        points: [...times.values()].reduce((sum, { size }) => sum + size, 0),
        end: points.length
      })
    }),
    { numRuns: 500, seed: propertySeed }
  )
})

test("a batch ends after 20,000 points, where batchEnd says", () => {
  const points = Array.from({ length: 50_000 }, (_, i) => ({ key: `k${i % 3}`, ts: Math.floor(i / 3), token: "1" }))
  const ends: Array<number> = []
  for (let from = 0; from < points.length; from = ends.at(-1)!) {
    const batch = runAtOnce(makeBatch(points, from, never))
    expect(batch.end).toBe(batchEnd(points, from))
    expect(batch.points).toBe(batch.end - from)
    ends.push(batch.end)
  }
  expect(ends).toEqual([20_000, 40_000, 50_000])
})
