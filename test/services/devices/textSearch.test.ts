import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { textSearch } from "../../../src/services/devices/textSearch.ts"

const few = fc.string({ unit: fc.constantFrom("a", "B", "_", "%", "é", "😀", "."), maxLength: 8 })

/** What LIKE means, said by a regular expression. */
const expression = (search: string) =>
  new RegExp([...search].map((sign) => (sign === "%" ? "[^]*" : sign === "_" ? "[^]" : RegExp.escape(sign.toLowerCase()))).join(""), "u")

test("a text is found as SQL's LIKE finds it, in any case", () => {
  expect(textSearch("THERM")("Thermostat")).toBe(true)
  expect(textSearch("t%stat")("Thermostat")).toBe(true)
  expect(textSearch("h_m")("Thermostat")).toBe(false)
  expect(textSearch("h__m")("Thermostat")).toBe(true)
  fc.assert(
    fc.property(few, few, (search, text) => expect(textSearch(search)(text)).toBe(expression(search).test(text.toLowerCase()))),
    {
      numRuns: 5000
    }
  )
})

test("no pattern takes long", () => {
  const begun = performance.now()
  expect(textSearch("%a".repeat(120) + "b")("a".repeat(255))).toBe(false)
  expect(performance.now() - begun).toBeLessThan(100)
})
