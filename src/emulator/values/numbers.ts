/**
 * How ThingsBoard types numbers and numeric text: as LONG, DOUBLE or text (`JsonConverter.parseNumericValue` in its source; recorded in
 * `telemetry-write.json`).
 */
import type { Value } from "./Value.ts"

const decimalPattern = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/
const maxLong = 2n ** 63n - 1n
const minLong = -(2n ** 63n)

/** Gson rejects larger exponents, so that printing the number in full cannot exhaust the memory. */
const maxExponent = 10_000

/** Numbers with more decimals are kept as text, because a double might not represent them exactly. */
const maxDecimals = 16

export class InvalidNumber extends Error {}

/** `BigDecimal.toPlainString` of `digits` times 10 to the minus `scale`. */
const toPlainString = (negative: boolean, digits: string, scale: number): string => {
  const significant = digits.replace(/^0+(?=.)/, "")
  if (scale <= 0) return `${negative ? "-" : ""}${significant === "0" ? "0" : significant + "0".repeat(-scale)}`
  const padded = significant.padStart(scale + 1, "0")
  return `${negative ? "-" : ""}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

/**
 * Whole numbers are LONG, except those with a dot and no exponent ("5.0"); whole numbers beyond 64 bits become text.
 * All other numbers are DOUBLE, or text if they have more than 16 decimals.
 */
export const numberToValue = (text: string): Value => {
  const parts = decimalPattern.exec(text)
  if (parts === null) throw new InvalidNumber(text)
  const [, sign, whole = "", decimals = "", exponentText] = parts
  const exponent = Number(exponentText ?? 0)
  if (Math.abs(exponent) > maxExponent) throw new InvalidNumber(text)
  const digits = whole + decimals
  const scale = decimals.length - exponent
  const isZero = /^0*$/.test(digits)
  const negative = sign === "-" && !isZero // BigDecimal has no negative zero
  const trailingZeros = isZero ? digits.length : digits.length - digits.replace(/0+$/, "").length
  const isWhole = isZero || scale - trailingZeros <= 0
  const isSimpleDouble = text.includes(".") && exponentText === undefined
  if (isWhole && !isSimpleDouble) {
    const long = BigInt(toPlainString(negative, scale > 0 ? digits.slice(0, digits.length - scale) || "0" : digits, Math.min(scale, 0)))
    return long >= minLong && long <= maxLong ? long : toPlainString(negative, digits, scale)
  }
  return scale <= maxDecimals
    ? (negative ? -1 : 1) * Number(`${whole || "0"}.${decimals || "0"}e${exponent}`)
    : toPlainString(negative, digits, scale)
}

/** Apache Commons Lang's `NumberUtils.isParsable`: digits of any script, at most one dot but not at the end, an optional minus; no plus and no exponent. */
const parsable = /^-?(?:\p{Nd}+|\p{Nd}*\.\p{Nd}+)$/u
const isDigit = (unit: number) => /\p{Nd}/u.test(String.fromCharCode(unit))

/** The ASCII digit for a digit of any script. The ten digits of each script are consecutive, and no two scripts are adjacent. */
const toAsciiDigit = (digit: string) => {
  const unit = digit.charCodeAt(0)
  let value = 0
  while (isDigit(unit - value - 1)) value += 1
  return String(value)
}

/** Numeric text becomes a number: "007" is 7, "1.10" is 1.1, "٣" is 3, but "1e3" stays text. */
export const textToValue = (text: string): Value =>
  // Java checks each UTF-16 code unit, and half of a surrogate pair is never a digit.
  parsable.test(text) && !/[\uD800-\uDFFF]/.test(text) ? numberToValue(text.replaceAll(/[^\d.-]/g, toAsciiDigit)) : text
