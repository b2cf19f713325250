/** Large values are checked in steps, and accepted and rejected as JSON.parse does it at once. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { duplicateMember } from "../../src/json/duplicateMember.ts"
import { ScanError } from "../../src/json/JsonScanner.ts"
import { checkLargeValue, findLargeValues } from "../../src/json/largeValues.ts"
import { type IsTurnOver, runAtOnce } from "../../src/domain/Steps.ts"
import { value } from "../support/jsonTokens.ts"

const limits = { maxDepth: 100, maxFields: 1000 }
const always: IsTurnOver = () => true

const check = (json: string, what: "all" | "syntax" = "all") => {
  try {
    return runAtOnce(checkLargeValue(Buffer.from(json), 0, what === "all" ? limits : undefined, always)) ?? "valid"
  } catch (error) {
    if (error instanceof ScanError) return "invalid"
    throw error
  }
}

const isValid = (json: string) => {
  try {
    JSON.parse(json)
    return true
  } catch {
    return false
  }
}

const nested = value.filter((json) => /^[[{]/.test(json))

test("objects and arrays are valid as for JSON.parse, and have a field twice as for the reader of small ones", () => {
  fc.assert(
    fc.property(nested, (json) => {
      expect(check(json)).toBe(duplicateMember(json) === undefined ? "valid" : "duplicate")
      expect(check(json, "syntax")).toBe("valid")
    }),
    { numRuns: 3000, seed: 5 }
  )
})

test("whatever is broken in them is found", () => {
  fc.assert(
    fc.property(nested, fc.nat(), fc.constantFrom("", ",", ":", "]", "}", "[", "{", '"', "0", "x"), (json, position, inserted) => {
      const at = 1 + (position % (json.length - 1))
      const broken = json.slice(0, at) + inserted + json.slice(at + (inserted === "" ? 1 : 0))
      // The check ends where the value ends; what follows is not its concern.
      if (!isValid(broken) && runAtOnce(findLargeValues(Buffer.from(broken), 0, always)).get(0) === Buffer.byteLength(broken))
        expect([broken, check(broken)]).toEqual([broken, "invalid"])
      else if (isValid(broken)) expect(check(broken)).not.toBe("invalid")
    }),
    { numRuns: 5000, seed: 5 }
  )
})

test("names are the same however they are written", () => {
  expect(check('{"a":1,"\\u0061":2}')).toBe("duplicate")
  expect(check('{"é":1,"\\u00e9":2}')).toBe("duplicate")
  expect(check('{"a":{"b":1},"b":[{"a":1},{"a":1}]}')).toBe("valid")
})

test("nesting and the fields of one object are limited", () => {
  expect(check("[".repeat(101) + "]".repeat(101))).toBe("tooDeep")
  expect(check("[".repeat(100) + "]".repeat(100))).toBe("valid")
  const fields = (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i}":0`).join(",")}}`
  expect([check(fields(1000)), check(fields(1001)), check(`[${fields(1000)},${fields(1000)}]`)]).toEqual([
    "valid",
    "tooManyFields",
    "valid"
  ])
})

test("the large values of a body are found by their brackets", () => {
  const large = `[${"1,".repeat(100)}"]{\\""]`
  const json = `{"a":[1],"b":${large},"c":"[["}`
  expect([...runAtOnce(findLargeValues(Buffer.from(json), 100, always))]).toEqual([
    [json.indexOf(large), json.indexOf(large) + large.length],
    [0, json.length]
  ])
})
