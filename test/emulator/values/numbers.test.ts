import { expect, test } from "bun:test"
import * as FastCheck from "fast-check"
import { numberToValue, textToValue } from "../../../src/emulator/values/numbers.ts"
import { printText, type Value } from "../../../src/emulator/values/Value.ts"

const numbers: ReadonlyArray<readonly [text: string, value: Value]> = [
  ["0", 0n],
  ["-0", 0n],
  ["-0.0", 0],
  ["5.0", 5],
  ["1e3", 1000n],
  ["1.5e1", 15n],
  ["1500e-2", 15n],
  ["15e-1", 1.5],
  ["0.1", 0.1],
  ["9007199254740993", 9_007_199_254_740_993n],
  ["9223372036854775807", 2n ** 63n - 1n],
  ["-9223372036854775808", -(2n ** 63n)],
  ["9223372036854775808", "9223372036854775808"],
  ["1e20", "100000000000000000000"],
  ["0.30000000000000004", "0.30000000000000004"],
  ["0.1234567890123456", 0.1234567890123456],
  ["1e-17", "0.00000000000000001"],
  ["-2.5e-20", "-0.000000000000000000025"]
]

for (const [text, value] of numbers) {
  test(`the number ${text} is stored as ${typeof value} ${printText(value)}`, () => expect(numberToValue(text)).toBe(value))
}

test("an exponent that would exhaust the memory is rejected", () => expect(() => numberToValue("1e999999")).toThrow())

test("numeric text becomes a number, other text does not", () => {
  const values = ["007", "1.10", ".5", "-3", "1e3", "+1", "1.", "-", "", "0x1f", "NaN", " 1", "1,5", "-٣٤", "𞅀"].map(textToValue)
  expect(values).toEqual([7n, 1.1, 0.5, -3n, "1e3", "+1", "1.", "-", "", "0x1f", "NaN", " 1", "1,5", -34n, "𞅀"])
  for (const zero of ["٠", "۰", "߀", "०", "೦", "᪀", "０"]) {
    const digits = Array.from({ length: 10 }, (_, digit) => String.fromCharCode(zero.charCodeAt(0) + digit))
    expect(digits.map(textToValue)).toEqual(digits.map((_, digit) => BigInt(digit)))
  }
})

test("every 64-bit integer keeps its value", () => {
  const long = FastCheck.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  FastCheck.assert(FastCheck.property(long, (value) => numberToValue(value.toString()) === value))
})

test("a number with up to 16 decimals becomes the nearest double", () => {
  const decimal = FastCheck.tuple(FastCheck.integer({ min: -1_000_000, max: 1_000_000 }), FastCheck.stringMatching(/^\d{1,16}$/))
  FastCheck.assert(
    FastCheck.property(decimal, ([whole, places]) => {
      const text = `${whole}.${places}`
      return numberToValue(text) === Number(text) || Number(text) === 0
    })
  )
})
