import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { fitsDouble, fitsExcel, parseLong, parseShortNumber } from "../../src/formats/numbers.ts"

test("Excel keeps 15 significant digits within its range", () => {
  const exact = ["0", "-0.0", "123456789012345", "1230000000000000000000", "0.000000000123456789012345", "1.50", "1.5E8", "-9.9e307"]
  const inexact = [
    "1234567890123456",
    "9007199254740993",
    "0.1234567890123456",
    "1.2345678912345679E8",
    "1.5e308",
    "1e999",
    "4.9e-324",
    "1e-400"
  ]
  expect(exact.filter((token) => !fitsExcel(token))).toEqual([])
  expect(inexact.filter((token) => fitsExcel(token))).toEqual([])
})

test("a double represents every number that was printed from a double", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => expect(fitsDouble(JSON.stringify(value))).toBe(true))
  )
  expect(["1.2345678912345679E8", "4.9E-324", "0.0", "-0.0", "1.7976931348623157e308"].filter((token) => !fitsDouble(token))).toEqual([])
  expect(["1e999", "1e-400", "0.12345678901234567890"].filter((token) => fitsDouble(token))).toEqual([])
})

test("parseLong accepts integers of at most 64 bits", () => {
  expect(parseLong("9223372036854775807")).toBe(9223372036854775807n)
  expect(parseLong("-9223372036854775808")).toBe(-9223372036854775808n)
  expect(["9223372036854775808", "-9223372036854775809", "12345678901234567890123", "1.0", "1e3", "-0"].map(parseLong)).toEqual(
    Array.from({ length: 6 }, () => undefined)
  )
})

test("parseShortNumber returns what Number returns", () => {
  const read = (token: string) => parseShortNumber(new TextEncoder().encode(token), 0, token.length)
  const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,13})$/)
  fc.assert(
    fc.property(fc.constantFrom("", "-"), digits, fc.stringMatching(/^(\.[0-9]{1,13})?$/), (sign, whole, decimals) => {
      const token = sign + whole + decimals
      expect(read(token)).toBe(token.length <= 15 ? Number(token) : Number.NaN)
    }),
    { numRuns: 5000 }
  )
  expect(["1e3", "1234567890123456", "-0", "-0.0", "0.1", "123456789012.34"].map(read)).toEqual([
    Number.NaN,
    Number.NaN,
    -0,
    -0,
    0.1,
    123456789012.34
  ])
})
