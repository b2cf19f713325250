import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { textSearch } from "../../src/thingsboard/textSearch.ts"

const shortText = fc.string({ unit: fc.constantFrom("a", "B", "_", "%", "é", "😀", "."), maxLength: 8 })

/** LIKE as a regular expression. */
const toRegExp = (search: string) =>
  new RegExp(
    [...search]
      .map((character) => (character === "%" ? "[^]*" : character === "_" ? "[^]" : RegExp.escape(character.toLowerCase())))
      .join(""),
    "u"
  )

test("a text matches as with SQL's LIKE, ignoring case", () => {
  expect(textSearch("THERM")("Thermostat")).toBe(true)
  expect(textSearch("t%stat")("Thermostat")).toBe(true)
  expect(textSearch("h_m")("Thermostat")).toBe(false)
  expect(textSearch("h__m")("Thermostat")).toBe(true)
  fc.assert(
    fc.property(shortText, shortText, (search, text) => expect(textSearch(search)(text)).toBe(toRegExp(search).test(text.toLowerCase()))),
    {
      numRuns: 5000
    }
  )
})

test("no pattern takes long", () => {
  const started = performance.now()
  expect(textSearch("%a".repeat(120) + "b")("a".repeat(255))).toBe(false)
  expect(performance.now() - started).toBeLessThan(100)
})
