/**
 * Values of entity queries, which ThingsBoard answers as text whatever they are, as the JSON they most likely were.
 *
 * Text that looks like another type cannot be told from it: the text `true` comes as the boolean, `21.5` as the number, `{}` as JSON.
 * PostgreSQL drops the dot of whole decimals before we see them: 5.0 comes as 5. `latest` of a single device has the stored types.
 */

/** A whole number as Java prints it, a decimal as Java (1.0E10) or PostgreSQL (1e+20) prints it; nothing else, so that `007` stays text. */
const integer = /^-?(?:0|[1-9]\d*)$/
const decimal = /^-?(?:0|[1-9]\d*)\.\d+(?:E-?\d{1,3})?$|^-?[1-9](?:\.\d+)?e[+-]\d{2,3}$/

/** Beyond 64 bits ThingsBoard itself holds text. */
const isLong = (text: string) => text !== "-0" && (text.length < 19 || BigInt.asIntN(64, BigInt(text)) === BigInt(text))

const isJson = (text: string) => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The JSON token for a value that came as text; every digit stays. */
export const entityQueryValue = (text: string): string => {
  if (text === "true" || text === "false") return text
  if (integer.test(text) && isLong(text)) return text
  if (decimal.test(text)) return text
  if (/^[{[]/.test(text) && isJson(text)) return text
  return JSON.stringify(text)
}
