/** What others' number types can hold of a JSON number, judged by its token. */

/** Digits that carry the value: without sign, dot, exponent and the zeros around them. */
const significant = (token: string) => {
  const digits = token.replace(/[eE].*$/, "").replaceAll(/[-.]/g, "")
  return digits.replace(/^0+/, "").replace(/0+$/, "").length
}

/** Excel's own limits (its specifications name them): 15 digits, and numbers that are neither denormal nor beyond 9.99…E307. */
const excelDigits = 15
const excelLeast = 2.2250738585072014e-308
const excelGreatest = 9.99999999999999e307

/** Whether Excel shows the very number; with more than 15 digits it would round. */
export const fitsExcel = (token: string): boolean => {
  const digits = significant(token)
  const size = Math.abs(Number(token))
  return digits === 0 || (digits <= excelDigits && size >= excelLeast && size <= excelGreatest)
}

/** 17 digits tell any two doubles apart: a token with more says more than a double can. */
const doubleDigits = 17

/** Whether a double stands for the number; true of all that ThingsBoard holds as a double. */
export const fitsDouble = (token: string): boolean => {
  if (token.length <= doubleDigits && !/[eE]/.test(token)) return true
  const size = Math.abs(Number(token))
  return significant(token) <= doubleDigits && Number.isFinite(size) && (size > 0 || significant(token) === 0)
}

const powersOfTen = Float64Array.from({ length: 16 }, (_, n) => Number(`1e${n}`))

/**
 * The number that the bytes spell when it has at most 15 digits and no exponent, without making a string of them; else NaN.
 * It is what Number gives: digits and power of ten are exact, so that the division is the only rounding.
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

/** The integer that the token spells; undefined when it is none or needs more than 64 bits. */
export const parseLong = (token: string): bigint | undefined => {
  if (!/^-?\d{1,19}$/.test(token) || token === "-0") return undefined
  const integer = BigInt(token)
  return integer >= minLong && integer <= maxLong ? integer : undefined
}
