import { expect, test } from "bun:test"
import { andMore } from "../../src/domain/andMore.ts"
import { FieldErrors } from "../../src/domain/FieldErrors.ts"

test("a list that was cut ends with the number of items left out", () => {
  expect([0, 1, 2].map((omitted) => andMore(omitted, "error"))).toEqual([[], ["and 1 more error"], ["and 2 more errors"]])
})

test("field errors beyond the limit are counted, and long field names are truncated", () => {
  const errors = new FieldErrors(2)
  for (let i = 0; i < 2; i++) errors.add(`${i}`.repeat(200), "Expected a number")
  expect(errors.all.map(({ field }) => field.length)).toEqual([128, 128])
  errors.add("x", "Expected a number")
  expect([errors.all.length, errors.all.at(-1)]).toEqual([3, { field: "body", issue: "and 1 more error" }])
})
