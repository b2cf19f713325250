/**
 * Checks keys and values before they are sent to ThingsBoard: whatever ThingsBoard would change or reject is rejected here, with a
 * reason. Every digit is kept.
 */
import { plural } from "../../domain/plural.ts"
import { type IsTurnOver, never, runAtOnce, type Steps } from "../../domain/Steps.ts"
import { isDeeperThan } from "../../json/jsonLimits.ts"
import { largeBody } from "../../json/JsonReader.ts"
import { textAt } from "../../json/JsonScanner.ts"
import { checkLargeValue, type LargeValueIssue, maxLargeFields } from "../../json/largeValues.ts"
import { NestedValues } from "./NestedValues.ts"
import { isNumericText, toStoredNumber } from "../../thingsboard/StoredNumber.ts"

/** Limits for JSON bodies. */
export interface InputLimits {
  readonly maxDepth: number
  /** Per device. */
  readonly maxKeys: number
  readonly maxDevices: number
}

export interface ValueRules {
  /** Undefined for bodies without limits, where only the default depth applies. */
  readonly limits?: InputLimits
  /** Whether text that ThingsBoard turns into a number is accepted and converted. */
  readonly convertNumericText: boolean
  /** The unit of numeric timestamps; the default is ms. */
  readonly tsUnit?: "s" | "ms" | "us" | "ns"
}

/** The JSON token to send, or the reason why the value is rejected. */
export type CheckedValue = { readonly token: string; readonly rounded: boolean } | { readonly issue: string }

const isUnstorable = (text: string) => text.includes("\0") || !text.isWellFormed()

/** ThingsBoard rejects keys with markup ("key is malformed"), and keys that are blank or very long. */
export const telemetryKeyIssue = (key: string): string | undefined => {
  if (key.trim() === "") return "Expected a key that is not blank"
  if (key.length > 255) return "Expected a key of at most 255 characters"
  if (isUnstorable(key)) return "Expected a key without NUL characters or lone surrogates"
  return /<[a-z!/?]/i.test(key) ? "Expected a key without markup" : undefined
}

const numericText: CheckedValue = {
  issue: "Expected text that ThingsBoard does not turn into a number; send a number, or numeric_text=convert"
}

/** PostgreSQL cannot store NUL in text; ThingsBoard then responds with 500 and stores nothing. */
const unstorableText: CheckedValue = { issue: "Expected text without NUL characters or lone surrogates" }

export const checkText = (text: string, { convertNumericText }: ValueRules, token = JSON.stringify(text)): CheckedValue => {
  if (!convertNumericText && isNumericText(text)) return numericText
  return isUnstorable(text) ? unstorableText : { token, rounded: false }
}

const defaultMaxDepth = 100

/** Checks the nesting before the text is parsed; the text need not be valid JSON. */
export const jsonDepthIssue = (text: string, { limits }: ValueRules): string | undefined => {
  const max = limits?.maxDepth ?? defaultMaxDepth
  return text.length > max && isDeeperThan(Buffer.from(text), max) ? `Expected JSON of at most ${max} levels` : undefined
}

/** Counts the fields in a valid JSON token: one per colon outside of strings. */
const countWrittenFields = (token: string) => {
  let fields = 0
  for (const character of token.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"/g, "")) if (character === ":") fields++
  return fields
}

/** Counts the fields of a parsed value, of which duplicates are gone. */
const countParsedFields = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 0
  const children: ReadonlyArray<unknown> = Object.values(value)
  return children.reduce<number>((sum, child) => sum + countParsedFields(child), Array.isArray(value) ? 0 : children.length)
}

/** A longer value of a row is scanned instead: parsing it, and collecting the fields of its objects, takes five times as long. */
export const maxParsedTwice = 16 * 1024

/** If an object has two fields with the same name, ThingsBoard silently drops the first. */
const checkNested = (token: string, rules: ValueRules): CheckedValue => {
  if (token.length >= maxParsedTwice) {
    const bytes = Buffer.from(token)
    return runAtOnce(checkLargeToken(bytes, 0, bytes.length, rules, never))
  }
  const issue = jsonDepthIssue(token, rules)
  if (issue !== undefined) return { issue }
  const fields = countWrittenFields(token)
  if (fields > 1 && countParsedFields(JSON.parse(token)) !== fields) return { issue: "Expected each field only once" }
  const nested = new NestedValues()
  nested.inspectAll(token)
  return nested.issue === undefined ? { token, rounded: nested.rounded } : { issue: nested.issue }
}

/** Checks a valid JSON token. */
export const checkToken = (token: string, rules: ValueRules): CheckedValue => {
  switch (token[0]) {
    case '"':
      return checkText(JSON.parse(token) as string, rules, token)
    case "{":
    case "[":
      return checkNested(token, rules)
    case "t":
    case "f":
      return { token, rounded: false }
    case "n":
      return { issue: "Expected a value, not null" }
    default:
      return toStoredNumber(token)
  }
}

const issueOfLargeValue = (issue: LargeValueIssue, maxDepth: number): string =>
  issue === "duplicate"
    ? "Expected each field only once"
    : issue === "tooDeep"
      ? `Expected JSON of at most ${maxDepth} levels`
      : `Expected objects of at most ${maxLargeFields} fields`

/** Like `checkToken`, in steps, for a value of any size. It is a token of a valid body, except that the content of objects and arrays may be invalid. */
export function* checkLargeToken(
  bytes: Uint8Array,
  at: number,
  end: number,
  rules: ValueRules,
  isTurnOver: IsTurnOver
): Steps<CheckedValue> {
  const first = bytes[at]
  if (first === openBrace || first === openBracket) {
    const maxDepth = rules.limits?.maxDepth ?? defaultMaxDepth
    const nested = new NestedValues()
    const inspect = (from: number, to: number) => nested.inspect(bytes, from, to)
    const issue = yield* checkLargeValue(bytes, at, { maxDepth, maxFields: maxLargeFields, inspect }, isTurnOver)
    if (issue !== undefined) return { issue: issueOfLargeValue(issue, maxDepth) }
    return nested.issue === undefined ? { token: textAt(bytes, at, end), rounded: nested.rounded } : { issue: nested.issue }
  }
  // ThingsBoard's JSON parser (Gson, whose buffer has 1024 characters) would take it for text.
  if (first !== quote) return { issue: `Expected a number of fewer than ${largeBody} characters` }
  const token = textAt(bytes, at, end)
  if (isTurnOver()) yield
  const text = JSON.parse(token) as string
  if (isTurnOver()) yield
  return checkText(text, rules, token)
}

const [quote, openBracket, openBrace] = [34, 91, 123]

/** The warnings for an upload: decimals that ThingsBoard stores rounded, and points that a later point of the same body replaced. */
export const uploadWarnings = (rounded: number, replaced = 0): ReadonlyArray<string> => [
  ...(rounded === 0
    ? []
    : [
        `${plural(rounded, "decimal was", "decimals were")} rounded: ThingsBoard stores at most 16 decimal places, with the precision of a double.`
      ]),
  ...(replaced === 0
    ? []
    : [`${plural(replaced, "point was", "points were")} left out: a later point in the body has the same key and time.`])
]
