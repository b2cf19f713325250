import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { sortInSteps } from "../../src/domain/sortInSteps.ts"
import { runAtOnce } from "../../src/domain/Steps.ts"

const compare = (a: { readonly key: number }, b: { readonly key: number }) => a.key - b.key

test("sorting in steps gives what sorting at once gives, with equal elements in their order", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 50 }), { maxLength: 3000, size: "max" }), (numbers) => {
      const elements = numbers.map((key, index) => ({ key, index }))
      expect(runAtOnce(sortInSteps(elements, compare, () => true))).toEqual(elements.toSorted(compare))
    }),
    { numRuns: 30 }
  )
})

test("no step sorts more than some hundred elements", () => {
  let compared = 0
  let mostCompared = 0
  const elements = Array.from({ length: 100_000 }, (_, i) => ({ key: (i * 7919) % 100_003 }))
  const steps = sortInSteps(
    elements,
    (a, b) => (compared++, compare(a, b)),
    () => true
  )
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    mostCompared = Math.max(mostCompared, compared)
    compared = 0
  }
  expect(mostCompared).toBeGreaterThan(0)
  expect(mostCompared).toBeLessThan(10_000)
})
