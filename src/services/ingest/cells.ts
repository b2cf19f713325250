/**
 * What a CSV cell means. A cell that looks like a number, but is not written like one in JSON, is never stored as text or as another
 * number: it is rejected unless it is quoted or an option says how to read it.
 */
import { ScanError, skipUnchecked } from "../../json/JsonScanner.ts"
import { unguardFormulas, unguardJson } from "../../formats/formulas.ts"
import { isNumericText } from "../../thingsboard/StoredNumber.ts"
import { type CheckedValue, checkText, checkToken, jsonDepthIssue, maxParsedTwice } from "../validation/values.ts"
import { checkUtf8 } from "./ImportRow.ts"
import type { ImportRules } from "./importRules.ts"

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/**
 * How other programs write a missing value or a failed calculation: `NaN`, pandas' `<NA>` and `NaT`, R's `NA`, `#DIV/0!` and `#N/A` of
 * spreadsheets, dashes.
 */
const noValue =
  /^(?:null|nil|none|nan|nat|n\/?a|<na>|[+-]?inf(?:inity)?|-?1\.#(?:ind|qnan|snan|inf)\d*|#(?:n\/a|na|nv|[\p{L}\d/]+[!?])|#+|[-\u2013\u2014]+)$/iu
const nan = /^[+-]?nan$/i

/** Of the words above, the longest has fewer characters. */
const maxWord = 16
/** No number is written with more digits and separators, unless as in JSON. */
const maxNumber = 400

const decimalLike = /^[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?$/
const thousandsLike = /^[+-]?\d{1,3}(?:[.,'\u2019\u00A0\u202F ]\d{3})+(?:[.,]\d*)?$/
const decimalComma = /^-?(?:0|[1-9]\d*),\d+(?:[eE][+-]?\d+)?$/
const decimalPoint = /\./

/** Why a cell is no number that JSON has; undefined if it does not look like a number at all. */
const numberIssue = (bare: string, rules: ImportRules): string | undefined => {
  if (bare.length > maxNumber) return undefined
  // Quotes do not help where ThingsBoard turns the text into a number.
  const orQuote = isNumericText(bare) ? ", or numeric_text=convert" : "; quote the cell if it is text"
  if (decimalLike.test(bare)) {
    if (bare.includes(",") && rules.decimalComma !== true) return `Expected a decimal point, or decimal=comma${orQuote}`
    if (/^[+-]?0\d/.test(bare)) return `Expected a number without leading zeros${orQuote}`
    if (bare.startsWith("+")) return `Expected a number without a leading +${orQuote}`
    return `Expected digits on both sides of the decimal ${rules.decimalComma === true ? "comma" : "point"}${orQuote}`
  }
  return thousandsLike.test(bare) ? `Expected a number without thousands separators${orQuote}` : undefined
}

const checkNumber = (bare: string, rules: ImportRules): CheckedValue | undefined => {
  if (rules.decimalComma === true) {
    if (decimalComma.test(bare)) return checkToken(bare.replace(",", "."), rules)
    if (decimalPoint.test(bare) && numberPattern.test(bare))
      return { issue: "Expected a decimal comma, because of decimal=comma; quote the cell if it is text" }
  }
  return numberPattern.test(bare) ? checkToken(bare, rules) : undefined
}

/** Throws unless the text is JSON. A long object or array is only checked to end where the text does: `checkToken` scans all of it. */
const requireJson = (text: string): void => {
  if (text.length < maxParsedTwice) JSON.parse(text)
  else {
    const bytes = Buffer.from(text)
    if (skipUnchecked(bytes, 0) !== bytes.length) throw new ScanError("more than one value")
  }
}

const checkJson = (cell: string, rules: ImportRules): CheckedValue | undefined => {
  if (!/^[[{]/.test(cell)) return undefined
  const issue = jsonDepthIssue(cell, rules)
  if (issue !== undefined) return { issue }
  try {
    const token = cell.trimEnd()
    requireJson(token)
    return checkToken(unguardJson(token), rules)
  } catch {
    return undefined
  }
}

const isBlank = (c: number) => c === 32 || c === 9 || c === 0xa0

/** A regular expression would start over at each blank in the middle, which takes minutes if there are many. */
export const trimBlanks = (cell: string): string => {
  let from = 0
  let to = cell.length
  while (from < to && isBlank(cell.charCodeAt(from))) from++
  while (from < to && isBlank(cell.charCodeAt(to - 1))) to--
  return from === 0 && to === cell.length ? cell : cell.slice(from, to)
}

/**
 * The value of a cell, or why it is rejected; undefined if there is none: in an empty cell, one of blanks, or one that `missing` or
 * `nan=gap` name. Without quotes, what looks like a number or boolean is one, and words for a missing value are rejected. With quotes
 * (`isText`) it is text, even empty; JSON objects and arrays are always quoted.
 */
export const readCell = (cell: string, isText: boolean, rules: ImportRules): CheckedValue | undefined => {
  if (rules.missing?.has(isText ? cell : trimBlanks(cell)) === true) return undefined
  if (!isText) {
    const bare = trimBlanks(cell)
    if (bare === "") return undefined
    const number = checkNumber(bare, rules)
    if (number !== undefined) return number
    if (/^(?:true|false)$/i.test(bare)) return { token: bare.toLowerCase(), rounded: false }
    if (rules.nanIsGap === true && nan.test(bare)) return undefined
    if (bare.length <= maxWord && noValue.test(bare))
      return { issue: `Expected a value, not ${bare}; leave the cell empty, name the word with missing=, or quote the text` }
    const isConverted = rules.convertNumericText && isNumericText(bare)
    const issue = isConverted ? undefined : numberIssue(bare, rules)
    if (issue !== undefined) return { issue }
  }
  checkUtf8(cell)
  return checkJson(cell, rules) ?? checkText(unguardFormulas(cell), rules)
}
