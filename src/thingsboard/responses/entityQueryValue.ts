/**
 * Values of entity queries. ThingsBoard sends all of them as text; this makes each the JSON that it most likely was.
 *
 * Text that looks like another type cannot be distinguished from it: the text `true` becomes a boolean, `21.5` a number, `{}` JSON.
 * PostgreSQL drops the decimal point of whole numbers: 5.0 becomes 5. The latest values of a single device have the stored types.
 */

/** An integer as Java prints it, a decimal as Java (1.0E10) or PostgreSQL (1e+20) prints it. Nothing else, so that `007` stays text. */
const integer = /^-?(?:0|[1-9]\d*)$/
const decimal = /^-?(?:0|[1-9]\d*)\.\d+(?:E-?\d{1,3})?$|^-?[1-9](?:\.\d+)?e[+-]\d{2,3}$/

/** Beyond 64 bits, ThingsBoard itself stores text. */
const isLong = (text: string) => text !== "-0" && (text.length < 19 || BigInt.asIntN(64, BigInt(text)) === BigInt(text))

const isJson = (text: string) => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The JSON token for a value that came as text, with all its digits. */
export const entityQueryValue = (text: string): string => {
  if (text === "true" || text === "false") return text
  if (integer.test(text) && isLong(text)) return text
  if (decimal.test(text)) return text
  if (/^[{[]/.test(text) && isJson(text)) return text
  return JSON.stringify(text)
}
