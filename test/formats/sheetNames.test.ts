import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { isValidSheetName, sheetNames } from "../../src/formats/sheetNames.ts"

const namesFor = (...titles: ReadonlyArray<string>) => titles.map(sheetNames())

test("a key that is a valid name is the name of the sheet", () => {
  expect(namesFor("temperature", "Feuchte %", "温度", "a&b <c>")).toEqual(["temperature", "Feuchte %", "温度", "a&b <c>"])
})

test("characters that Excel forbids are replaced", () => {
  expect(namesFor("a/b\\c", "[x]:*?", "'quoted'", "tab\there", "")).toEqual(["a_b_c", "_x____", "_quoted_", "tab_here", "_"])
})

test("names that Excel considers equal, ignoring case, get a number", () => {
  expect(namesFor("temp", "Temp", "TEMP", "temp (2)", "a/b", "a?b")).toEqual([
    "temp",
    "Temp (2)",
    "TEMP (3)",
    "temp (2) (2)",
    "a_b",
    "a_b (2)"
  ])
})

test("the name that Excel reserves is not used", () => {
  expect(namesFor("History", "history")).toEqual(["History (2)", "history (3)"])
})

test("long names with the same beginning stay distinct within 31 characters", () => {
  const long = "outside-air-temperature-building-"
  expect(namesFor(`${long}1`, `${long}2`)).toEqual(["outside-air-temperature-buildin", "outside-air-temperature-bui (2)"])
})

test("names are valid and unique for random keys", () => {
  const key = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("a", "A", "'", "/", "💡", "\ud83d", "(", "2", ")", " "), maxLength: 40 }),
    fc.constantFrom("History", "ß", "SS", "i", "İ")
  )
  fc.assert(
    fc.property(fc.array(key, { maxLength: 20 }), (keys) => {
      const names = namesFor(...keys)
      for (const name of names) expect(isValidSheetName(name)).toBe(true)
      for (const name of names) expect(name.length >= 1 && name.length <= 31 && name.isWellFormed()).toBe(true)
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(keys.length)
    }),
    { numRuns: 500 }
  )
})
