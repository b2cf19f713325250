/** How ThingsBoard turns what was written into a LONG, a DOUBLE or text (`JsonConverter.parseNumericValue`). */
import type { Value } from "./Value.ts"

const decimalPattern = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/
const maxLong = 2n ** 63n - 1n
const minLong = -(2n ** 63n)

/** Beyond this exponent Gson refuses the number, lest it be printed in full. */
const maxExponent = 10_000

/** More decimals than a double can be trusted with: kept as text. */
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
 * A whole number is a LONG unless it was written with a dot and no exponent ("5.0"); beyond 64 bits it becomes text.
 * Others are DOUBLE, or text when they have more than 16 decimals.
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
  const negative = sign === "-" && !isZero // a BigDecimal has no negative zero
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

/** commons-lang's `isParsable`: digits of any script with at most one dot that is not the last, maybe a leading minus; no plus, no exponent. */
const parsable = /^-?(?:\p{Nd}+|\p{Nd}*\.\p{Nd}+)$/u
const isDigit = (unit: number) => /\p{Nd}/u.test(String.fromCharCode(unit))

/** A digit of another script as the one of ours: each script has its ten in a row, and no two rows touch. */
const toAsciiDigit = (digit: string) => {
  const unit = digit.charCodeAt(0)
  let value = 0
  while (isDigit(unit - value - 1)) value += 1
  return String(value)
}

/** Text that looks like a number becomes one: "007" is 7, "1.10" is 1.1, "٣" is 3, while "1e3" stays text. */
export const textToValue = (text: string): Value =>
  // Java asks of every UTF-16 unit whether it is a digit, which half of a pair never is.
  parsable.test(text) && !/[\uD800-\uDFFF]/.test(text) ? numberToValue(text.replaceAll(/[^\d.-]/g, toAsciiDigit)) : text
