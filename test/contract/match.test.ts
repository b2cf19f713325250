/** Tests the comparison itself: it must detect every difference. */
import { expect, test } from "bun:test"
import { parseExact } from "./support/Exact.ts"
import { matchJson, type MatchOptions } from "./support/match.ts"

const differences = (expected: string, got: string, options?: MatchOptions) =>
  matchJson(parseExact(expected), parseExact(got), new Map([["device", "abc"]]), options).map(({ path }) => path)

test("fields may be in any order, but none may be missing or added", () => {
  expect(differences('{"a":1,"b":2}', '{"b":2,"a":1}')).toEqual([])
  expect(differences('{"a":1}', '{"a":1,"b":2}')).toEqual(["/b"])
  expect(differences('{"a":1,"b":2}', '{"a":1}')).toEqual(["/b"])
})

test("numbers are compared digit for digit", () => {
  expect(differences("[1,9007199254740993]", "[1.0,9007199254740992]")).toEqual(["/0", "/1"])
  expect(differences('{"a":1}', '{"a":"1"}')).toEqual(["/a"])
})

test("placeholders match only their type", () => {
  expect(differences('["{{any:ms}}","{{any:uuid}}"]', '[1700000000000,"784f394c-42b6-435a-983c-b7beff2784f9"]')).toEqual([])
  expect(differences('["{{any:ms}}","{{any:uuid}}"]', '["1700000000000","none"]')).toEqual(["/0", "/1"])
})

test("captured values are compared, and a new name matches any text", () => {
  expect(differences('["{{device}}","id {{device}}","{{new}}"]', '["abc","id abc","anything"]')).toEqual([])
  expect(differences('["{{device}}","{{new}}"]', '["abd",5]')).toEqual(["/0", "/1"])
})

test("with the option sets, arrays may be in any order but must have the same elements", () => {
  expect(differences('["a","b"]', '["b","a"]')).toEqual(["/0", "/1"])
  expect(differences('["a","b"]', '["b","a"]', { sets: true })).toEqual([])
  expect(differences('["a","a"]', '["a","b"]', { sets: true })).toEqual(["/*", "/*"])
})
