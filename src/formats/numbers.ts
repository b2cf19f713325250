/** Which JSON numbers other number types can represent exactly, decided by the token. */

/** Counts the significant digits: without sign, decimal point, exponent, and leading and trailing zeros. */
const countSignificantDigits = (token: string) => {
  const digits = token.replace(/[eE].*$/, "").replaceAll(/[-.]/g, "")
  return digits.replace(/^0+/, "").replace(/0+$/, "").length
}

/** Excel's published limits: 15 digits, no denormal numbers, and nothing beyond 9.99…E307. */
const maxExcelDigits = 15
const minExcelNumber = 2.2250738585072014e-308
const maxExcelNumber = 9.99999999999999e307

/** Whether Excel keeps the number exactly; it rounds numbers of more than 15 digits. */
export const fitsExcel = (token: string): boolean => {
  const digits = countSignificantDigits(token)
  const size = Math.abs(Number(token))
  return digits === 0 || (digits <= maxExcelDigits && size >= minExcelNumber && size <= maxExcelNumber)
}

/** 17 digits distinguish any two doubles; a token with more digits is more precise than a double. */
const maxDoubleDigits = 17

/** Whether a double represents the number; true for every number that ThingsBoard stores as a double. */
export const fitsDouble = (token: string): boolean => {
  if (token.length <= maxDoubleDigits && !/[eE]/.test(token)) return true
  const size = Math.abs(Number(token))
  return countSignificantDigits(token) <= maxDoubleDigits && Number.isFinite(size) && (size > 0 || countSignificantDigits(token) === 0)
}

const powersOfTen = Float64Array.from({ length: 16 }, (_, n) => Number(`1e${n}`))

/**
 * Parses a number of at most 15 digits without an exponent, without creating a string; NaN for any other token.
 * The result equals `Number(token)`: digits and power of ten are exact, so the division is the only rounding.
 */
export const parseShortNumber = (bytes: Uint8Array, from: number, to: number): number => {
  const isNegative = bytes[from] === 45
  if (to - from > 15) return Number.NaN
  let digits = 0
  let decimals = 0
  for (let i = isNegative ? from + 1 : from; i < to; i++) {
    const digit = bytes[i]! - 48
    if (digit >= 0 && digit <= 9) digits = digits * 10 + digit
    else if (bytes[i] === 46) decimals = to - i - 1
    else return Number.NaN
  }
  const size = digits / powersOfTen[decimals]!
  return isNegative ? -size : size
}

const minLong = -(2n ** 63n)
const maxLong = 2n ** 63n - 1n

/** Parses an integer; undefined if the token is not an integer or needs more than 64 bits. */
export const parseLong = (token: string): bigint | undefined => {
  if (!/^-?\d{1,19}$/.test(token) || token === "-0") return undefined
  const integer = BigInt(token)
  return integer >= minLong && integer <= maxLong ? integer : undefined
}
