/**
 * What ThingsBoard makes of a number that is written to it (`JsonConverter`; recorded in `telemetry-write`): whole numbers become
 * 64-bit integers unless written with a dot; beyond that range, and with more than 16 decimals, they silently become text. All else
 * becomes a double.
 */
export type StoredNumber =
  /** The token to send; `rounded` when ThingsBoard will not hold the very value that came. */
  { readonly token: string; readonly rounded: boolean } | { readonly issue: string }

const form = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/
const least = -(2n ** 63n)
const greatest = 2n ** 63n - 1n
const maxIntegerLength = 20
const maxDecimals = 16
/** All decimals of so many digits survive a double. */
const safeDigits = 15
/** Gson refuses exponents beyond 10000, even of a zero. */
const maxExponent = 999

/** A number as `digits` times ten to the minus `scale`; the digits neither begin nor end with a zero, and are empty for zero itself. */
interface Parts {
  readonly sign: string
  readonly digits: string
  readonly scale: number
}

const normal = (sign: string, digits: string, scale: number): Parts => {
  // Not `/0+$/`, which takes quadratic time over a long run of zeros within.
  let end = digits.length
  while (end > 0 && digits[end - 1] === "0") end -= 1
  if (end === 0) return { sign, digits: "", scale: 0 }
  return { sign, digits: digits.slice(0, end).replace(/^0+/, ""), scale: scale - (digits.length - end) }
}

/** Spelt with a dot and without an exponent, so that ThingsBoard takes it for a decimal. */
const plain = ({ digits, scale, sign }: Parts): string => {
  if (scale <= 0) return `${sign}${digits || "0"}${"0".repeat(-scale)}.0`
  const padded = digits.padStart(scale + 1, "0")
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

/** Half up, at 16 decimals. */
const cut = ({ digits, scale, sign }: Parts): Parts => {
  const kept = digits.length - (scale - maxDecimals)
  const units = BigInt(kept > 0 ? digits.slice(0, kept) : "0") + (kept >= 0 && digits[kept]! >= "5" ? 1n : 0n)
  return normal(units === 0n ? "" : sign, units.toString(), maxDecimals)
}

const partsOf = (text: string): Parts | undefined => {
  const parts = form.exec(text)
  if (parts === null) return undefined
  const [, sign = "", whole = "", decimals = "", exponent = "0"] = parts
  return normal(sign, whole + decimals, decimals.length - Number(exponent))
}

/** Whether the nearest double, as it is printed, is the number. */
const doubleHolds = ({ digits, scale, sign }: Parts, token: string): boolean => {
  if (digits.length <= safeDigits) return true
  const held = partsOf(String(Number(token)))
  return held !== undefined && held.sign === sign && held.digits === digits && held.scale === scale
}

const integer = (token: string): StoredNumber => {
  const value = token.length <= maxIntegerLength ? BigInt(token) : undefined
  return value !== undefined && value >= least && value <= greatest
    ? { token, rounded: false }
    : { issue: "Expected an integer of at most 64 bits" }
}

/** Whole, but written with a dot or an exponent: a long if it fits and has no plain dot, else a double. */
const wholeDecimal = (parts: Parts, token: string, isAsWritten: boolean): StoredNumber => {
  const value = BigInt(parts.sign + parts.digits + "0".repeat(-parts.scale))
  const isLong = /[eE]/.test(token) && value >= least && value <= greatest
  if (isLong) return { token: isAsWritten ? token : value.toString(), rounded: false }
  return { token: isAsWritten && !/[eE]/.test(token) ? token : plain(parts), rounded: !doubleHolds(parts, token) }
}

/** The token that makes ThingsBoard hold the number as the number it is, or the nearest that it can hold. */
export const toStoredNumber = (token: string): StoredNumber => {
  if (token.length <= safeDigits && !/[eE]/.test(token)) return { token, rounded: false }
  const written = form.exec(token)
  if (written === null) return { issue: "Expected a number" }
  const [, sign = "", whole = "", decimals = "", exponentText] = written
  if (decimals === "" && exponentText === undefined) return token.length < 16 ? { token, rounded: false } : integer(token)
  if (!Number.isFinite(Number(token))) return { issue: "Expected a number that a double can hold" }
  const exponent = Number(exponentText ?? 0)
  const parts = normal(sign, whole + decimals, decimals.length - exponent)
  const isAsWritten = decimals.length - exponent <= maxDecimals && Math.abs(exponent) <= maxExponent
  if (parts.digits === "") return { token: isAsWritten ? token : exponentText === undefined ? "0.0" : "0", rounded: false }
  if (parts.scale <= 0) return wholeDecimal(parts, token, isAsWritten)
  if (parts.scale > maxDecimals) return { token: plain(cut(parts)), rounded: true }
  return { token: isAsWritten ? token : plain(parts), rounded: !doubleHolds(parts, token) }
}

/**
 * Text that ThingsBoard turns into a number: digits of any script with at most one dot that is not the last, maybe a leading minus
 * (commons-lang `isParsable`, which looks at UTF-16 units, so that digits beyond the Basic Multilingual Plane are none to it).
 */
export const isNumericText = (text: string): boolean => /^-?(?:\p{Nd}+|\p{Nd}*\.\p{Nd}+)$/u.test(text) && !/[\uD800-\uDFFF]/.test(text)
