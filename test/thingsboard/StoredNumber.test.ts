/** Uploaded numbers are stored unchanged. The emulator's reading of tokens is itself checked against recordings of ThingsBoard. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { isNumericText, toStoredNumber } from "../../src/thingsboard/StoredNumber.ts"
import { numberToValue } from "../../src/emulator/values/numbers.ts"
import { printDouble } from "../../src/emulator/values/printDouble.ts"

/** `[digits, scale]`, so that two ways of writing a number are equal. */
const exact = (token: string): readonly [digits: bigint, scale: number] => {
  const [, sign, whole, decimals = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token)!
  const digits = (whole + decimals).replace(/0+$/, "") || "0"
  const scale = digits === "0" ? 0 : decimals.length - Number(exponent) - (whole!.length + decimals.length - digits.length)
  return [BigInt(sign + digits), scale]
}

/** The distance of two tokens, in units of the smaller one; only for numbers of moderate size. */
const distance = (one: string, other: string, unit: number) => {
  const [[a, sa], [b, sb]] = [exact(one), exact(other)]
  const scale = Math.max(sa, sb, unit)
  const difference = a * 10n ** BigInt(scale - sa) - b * 10n ** BigInt(scale - sb)
  return { difference: difference < 0n ? -difference : difference, half: 10n ** BigInt(scale - unit) / 2n }
}

const digits = (min: number, max: number) =>
  fc.array(fc.constantFrom(..."0123456789"), { minLength: min, maxLength: max }).map((all) => all.join(""))
const whole = fc.oneof(
  fc.constant("0"),
  fc.tuple(fc.constantFrom(..."123456789"), digits(0, 21)).map((parts) => parts.join("")),
  fc.constantFrom("9223372036854775807", "9223372036854775808", "9007199254740993")
)
const token = fc
  .tuple(
    fc.constantFrom("", "-"),
    whole,
    fc.oneof(
      fc.constant(""),
      digits(1, 20).map((all) => `.${all}`),
      digits(300, 420).map((all) => `.${all}`),
      digits(0, 4).map((all) => `.${all}${"0".repeat(18)}`)
    ),
    fc.oneof(fc.constant(""), fc.constantFrom("e0", "E3", "e+18", "e-1", "e-5", "e-17", "E-300", "e300", "e-12000", "e12000", "e-330"))
  )
  .map((parts) => parts.join(""))

test("every number is stored as a number, and unchanged unless it is reported as rounded", () => {
  fc.assert(
    fc.property(token, (given) => {
      const answer = toStoredNumber(given)
      if ("issue" in answer) {
        expect(/[.eE]/.test(given) ? Number.isFinite(Number(given)) : BigInt.asIntN(64, BigInt(given)) === BigInt(given)).toBe(false)
        return
      }
      const held = numberToValue(answer.token)
      expect(typeof held).not.toBe("string")
      if (!answer.rounded) expect(exact(typeof held === "number" ? printDouble(held) : String(held))).toEqual(exact(given))
      else {
        const { difference, half } = distance(answer.token, given, 16)
        expect(difference <= half).toBe(true)
      }
    }),
    { numRuns: 20_000 }
  )
})

test("tokens stay as they were written if ThingsBoard reads them correctly", () => {
  for (const kept of ["0", "-0", "5.0", "1.10", "-0.0", "1e3", "1E+3", "12.5e-3", "9223372036854775807", "-9223372036854775808", "0.1"])
    expect(toStoredNumber(kept)).toEqual({ token: kept, rounded: false })
})

test("a number that ThingsBoard would store as text is written so that it becomes a number", () => {
  expect(toStoredNumber("0.30000000000000004")).toEqual({ token: "0.3", rounded: true })
  expect(toStoredNumber("1e-17")).toEqual({ token: "0.0", rounded: true })
  expect(toStoredNumber("-5e-17")).toEqual({ token: "-0.0000000000000001", rounded: true })
  expect(toStoredNumber("5.00000000000000000")).toEqual({ token: "5.0", rounded: false })
  expect(toStoredNumber("0.10000000000000000")).toEqual({ token: "0.1", rounded: false })
  expect(toStoredNumber("1e19")).toEqual({ token: "10000000000000000000.0", rounded: false })
  expect(toStoredNumber(`1.5${"0".repeat(400)}1`)).toEqual({ token: "1.5", rounded: true })
  expect(toStoredNumber("0e99999")).toEqual({ token: "0", rounded: false })
})

test("a decimal with more digits than a double keeps is reported as rounded", () => {
  expect(toStoredNumber("123456789012.1234567890123456")).toEqual({ token: "123456789012.1234567890123456", rounded: true })
  expect(toStoredNumber("0.1234567890123456")).toEqual({ token: "0.1234567890123456", rounded: false })
})

test("a number that fits none of ThingsBoard's types is rejected, however long it is", () => {
  for (const big of ["9223372036854775808", "-9223372036854775809", "9".repeat(5_000_000)])
    expect(toStoredNumber(big)).toEqual({ issue: "Expected an integer of at most 64 bits" })
  for (const beyond of ["1e400", "-1.8e308"]) expect(toStoredNumber(beyond)).toEqual({ issue: "Expected a number that a double can hold" })
  expect(toStoredNumber(`0.${"0".repeat(5_000_000)}1`)).toEqual({ token: "0.0", rounded: true })
})

test("text that ThingsBoard would convert to a number is recognized", () => {
  for (const text of ["007", "1.10", "-5", ".5", "-.5", "٣"]) expect(isNumericText(text)).toBe(true)
  for (const text of ["", "-", ".", "5.", "1e3", "+5", " 5", "1,5", "1.2.3", "0x10", "NaN", "𞅀"]) expect(isNumericText(text)).toBe(false)
})
