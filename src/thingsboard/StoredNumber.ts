/**
 * How ThingsBoard stores a JSON number (`JsonConverter`; recorded in `telemetry-write`). An integer without a decimal point becomes a
 * 64-bit integer; beyond that range, and with more than 16 decimals, a number silently becomes text. Everything else becomes a double.
 */
export type StoredNumber =
  /** The token to send; `rounded` if ThingsBoard cannot store exactly this value. */
  { readonly token: string; readonly rounded: boolean } | { readonly issue: string }

const numberPattern = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/
const minInteger = -(2n ** 63n)
const maxInteger = 2n ** 63n - 1n
const maxIntegerLength = 20
const maxDecimals = 16
/** Every decimal with this many digits survives conversion to a double. */
const safeDigits = 15
/** Below Gson's limit: it rejects exponents beyond 10000, even of a zero. */
const maxExponent = 999

/** The number `digits` × 10^-`scale`. The digits neither start nor end with a zero; zero itself has no digits. */
interface Decimal {
  readonly sign: string
  readonly digits: string
  readonly scale: number
}

const normalize = (sign: string, digits: string, scale: number): Decimal => {
  // Not `/0+$/`, which takes quadratic time when there is a long run of zeros in the middle.
  let end = digits.length
  while (end > 0 && digits[end - 1] === "0") end -= 1
  if (end === 0) return { sign, digits: "", scale: 0 }
  return { sign, digits: digits.slice(0, end).replace(/^0+/, ""), scale: scale - (digits.length - end) }
}

/** Written with a decimal point and without an exponent, so that ThingsBoard reads it as a decimal. */
const print = ({ digits, scale, sign }: Decimal): string => {
  if (scale <= 0) return `${sign}${digits || "0"}${"0".repeat(-scale)}.0`
  const padded = digits.padStart(scale + 1, "0")
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

/** Rounds half up to 16 decimals. */
const roundToMaxDecimals = ({ digits, scale, sign }: Decimal): Decimal => {
  const kept = digits.length - (scale - maxDecimals)
  const units = BigInt(kept > 0 ? digits.slice(0, kept) : "0") + (kept >= 0 && digits[kept]! >= "5" ? 1n : 0n)
  return normalize(units === 0n ? "" : sign, units.toString(), maxDecimals)
}

const parseDecimal = (text: string): Decimal | undefined => {
  const parts = numberPattern.exec(text)
  if (parts === null) return undefined
  const [, sign = "", whole = "", decimals = "", exponent = "0"] = parts
  return normalize(sign, whole + decimals, decimals.length - Number(exponent))
}

/** Whether the nearest double, when printed, is the same number. */
const fitsDouble = ({ digits, scale, sign }: Decimal, token: string): boolean => {
  if (digits.length <= safeDigits) return true
  const stored = parseDecimal(String(Number(token)))
  return stored !== undefined && stored.sign === sign && stored.digits === digits && stored.scale === scale
}

const parseInteger = (token: string): StoredNumber => {
  const value = token.length <= maxIntegerLength ? BigInt(token) : undefined
  return value !== undefined && value >= minInteger && value <= maxInteger
    ? { token, rounded: false }
    : { issue: "Expected an integer of at most 64 bits" }
}

/** A whole number with a decimal point or an exponent. With an exponent it becomes a 64-bit integer if it fits, otherwise a double. */
const parseWhole = (parts: Decimal, token: string, isAsWritten: boolean): StoredNumber => {
  const value = BigInt(parts.sign + parts.digits + "0".repeat(-parts.scale))
  const isLong = /[eE]/.test(token) && value >= minInteger && value <= maxInteger
  if (isLong) return { token: isAsWritten ? token : value.toString(), rounded: false }
  return { token: isAsWritten && !/[eE]/.test(token) ? token : print(parts), rounded: !fitsDouble(parts, token) }
}

/** The token with which ThingsBoard stores exactly this number, or the nearest number that it can store. */
export const toStoredNumber = (token: string): StoredNumber => {
  if (token.length <= safeDigits && !/[eE]/.test(token)) return { token, rounded: false }
  const written = numberPattern.exec(token)
  if (written === null) return { issue: "Expected a number" }
  const [, sign = "", whole = "", decimals = "", exponentText] = written
  if (decimals === "" && exponentText === undefined) return token.length < 16 ? { token, rounded: false } : parseInteger(token)
  if (!Number.isFinite(Number(token))) return { issue: "Expected a number that a double can hold" }
  const exponent = Number(exponentText ?? 0)
  const parts = normalize(sign, whole + decimals, decimals.length - exponent)
  const isAsWritten = decimals.length - exponent <= maxDecimals && Math.abs(exponent) <= maxExponent
  if (parts.digits === "") return { token: isAsWritten ? token : exponentText === undefined ? "0.0" : "0", rounded: false }
  if (parts.scale <= 0) return parseWhole(parts, token, isAsWritten)
  if (parts.scale > maxDecimals) return { token: print(roundToMaxDecimals(parts)), rounded: true }
  return { token: isAsWritten ? token : print(parts), rounded: !fitsDouble(parts, token) }
}

/** Longer numbers cannot be read: Jackson parses the stored JSON for every read, and has this limit. */
const maxNestedLength = 1000
/** Below this, doubles have fewer digits. */
const minPrecise = 1e-300

/**
 * What becomes of a number inside an object or array, which ThingsBoard stores as text but parses for every read: integers stay exact,
 * decimals become doubles, and those that overflow come back as the text "Infinity" (recorded in `edges.json`).
 */
export const nestedNumber = (token: string): "exact" | "rounded" | "overflows" | "too long" => {
  if (token.length > maxNestedLength) return "too long"
  if (!/[.eE]/.test(token)) return "exact"
  const value = Math.abs(Number(token))
  if (!Number.isFinite(value)) return "overflows"
  const parts = parseDecimal(token)!
  if (parts.digits === "") return "exact"
  if (value >= minPrecise) return fitsDouble(parts, token) ? "exact" : "rounded"
  const stored = parseDecimal(String(Number(token)))!
  return stored.digits === parts.digits && stored.scale === parts.scale ? "exact" : "rounded"
}

/**
 * Whether ThingsBoard converts this text to a number: digits of any script, at most one decimal point that is not the last character,
 * and optionally a leading minus (commons-lang's `isParsable`, which reads UTF-16 units and so ignores digits beyond the Basic
 * Multilingual Plane).
 */
export const isNumericText = (text: string): boolean => /^-?(?:\p{Nd}+|\p{Nd}*\.\p{Nd}+)$/u.test(text) && !/[\uD800-\uDFFF]/.test(text)
