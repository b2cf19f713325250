/**
 * What ThingsBoard makes of a number that is written to it (`JsonConverter`; recorded in `telemetry-write`): whole numbers become
 * 64-bit integers unless written with a dot; beyond that range, and with more than 16 decimals, they silently become text.
 */
export type Stored =
  /** The token to send; `rounded` when it is not the value that came. */
  { readonly token: string; readonly rounded: boolean } | { readonly issue: string }

const form = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/
const least = -(2n ** 63n)
const greatest = 2n ** 63n - 1n
const mostDecimals = 16

const trim = (decimals: string) => decimals.replace(/0+$/, "") || "0"

/** `units` times ten to the minus `scale`, without an exponent and with at least one decimal, so that it stays a decimal. */
const withDot = (negative: boolean, units: bigint, scale: number): string => {
  const digits = units.toString().padStart(scale + 1, "0")
  const whole = scale === 0 ? digits : digits.slice(0, -scale)
  return `${negative ? "-" : ""}${whole}.${scale === 0 ? "0" : trim(digits.slice(-scale))}`
}

const rounded = (negative: boolean, digits: string, scale: number): Stored => {
  const cut = BigInt(10) ** BigInt(scale - mostDecimals)
  const units = (BigInt(digits) + cut / 2n) / cut
  return { token: withDot(negative, units, mostDecimals), rounded: true }
}

/** The token that makes ThingsBoard hold the number as the number it is. */
export const stored = (token: string): Stored => {
  const parts = form.exec(token)
  if (parts === null) return { issue: "Expected a number" }
  const [, sign, whole = "", decimals = "", exponentText] = parts
  if (decimals === "" && exponentText === undefined) {
    if (token.length < 16) return { token, rounded: false }
    const integer = BigInt(token)
    return integer >= least && integer <= greatest ? { token, rounded: false } : { issue: "Expected an integer of at most 64 bits" }
  }
  if (!Number.isFinite(Number(token))) return { issue: "Expected a number that a double can hold" }
  const exponent = Number(exponentText ?? 0)
  const digits = whole + decimals
  if (/^0+$/.test(digits)) return { token: exponentText === undefined && decimals.length > mostDecimals ? "0.0" : token, rounded: false }
  const scale = decimals.length - exponent
  if (scale <= 0) {
    const integer = BigInt(digits) * 10n ** BigInt(-scale)
    return integer <= greatest ? { token, rounded: false } : { token: withDot(sign === "-", integer, 0), rounded: false }
  }
  const zeros = digits.length - digits.replace(/0+$/, "").length
  const shortest = Math.max(0, scale - zeros)
  if (shortest === 0 && exponentText !== undefined) {
    const integer = BigInt(digits) / 10n ** BigInt(scale)
    return integer <= greatest ? { token, rounded: false } : { token: withDot(sign === "-", integer, 0), rounded: false }
  }
  if (shortest > mostDecimals) return scale > 400 ? { token: "0.0", rounded: true } : rounded(sign === "-", digits, scale)
  // Counted as written: 0.10000000000000000 has 17 decimals for ThingsBoard.
  return scale <= mostDecimals
    ? { token, rounded: false }
    : { token: withDot(sign === "-", BigInt(digits) / 10n ** BigInt(scale - shortest), shortest), rounded: false }
}

/** Text that ThingsBoard turns into a number: digits with at most one dot that is not the last, maybe a leading minus (commons-lang `isParsable`). */
export const isNumericText = (text: string): boolean => /^-?(?:\d+|\d*\.\d+)$/.test(text)
