/** Keys and values on their way in: what ThingsBoard would change or refuse is refused here, with a reason. Every digit is kept. */
import { isDeeperThan } from "../../json/jsonLimits.ts"
import { isNumericText, stored } from "../../thingsboard/StoredNumber.ts"

/** How much a request may hold. */
export interface InputLimits {
  readonly depth: number
  /** Of each device. */
  readonly keys: number
  readonly devices: number
}

export interface ValueRules {
  /** None in bodies without an end, but for the depth. */
  readonly bounds?: InputLimits
  /** Whether text that ThingsBoard would turn into a number is let through to be converted. */
  readonly convertNumericText: boolean
  /** Of times that are numbers; ms when there is none. */
  readonly tsUnit?: "ms" | "s"
}

/** The JSON token to send, or why the value cannot be sent. */
export type CheckedValue = { readonly token: string; readonly rounded: boolean } | { readonly issue: string }

const unstorable = (text: string) => text.includes("\0") || !text.isWellFormed()

/** Markup in a key is refused by ThingsBoard ("key is malformed"), and a blank or very long one. */
export const telemetryKeyIssue = (key: string): string | undefined => {
  if (key.trim() === "") return "Expected a key that is not blank"
  if (key.length > 255) return "Expected a key of at most 255 characters"
  if (unstorable(key)) return "Expected a key without NUL characters and lone surrogates"
  return /<[a-z!/?]/i.test(key) ? "Expected a key without markup" : undefined
}

const numericText: CheckedValue = {
  issue: "Expected no text that ThingsBoard would turn into a number; send a number, or numeric_text=convert"
}

/** PostgreSQL cannot hold NUL in text, and ThingsBoard then answers 500 without storing anything. */
const unstorableText: CheckedValue = { issue: "Expected text without NUL characters and lone surrogates" }

export const checkText = (text: string, { convertNumericText }: ValueRules, token = JSON.stringify(text)): CheckedValue => {
  if (!convertNumericText && isNumericText(text)) return numericText
  return unstorable(text) ? unstorableText : { token, rounded: false }
}

const maxDepth = 100

/** Asked before anything parses the text, which may be no JSON at all. */
export const jsonDepthIssue = (text: string, { bounds }: ValueRules): string | undefined => {
  const most = bounds?.depth ?? maxDepth
  return text.length > most && isDeeperThan(Buffer.from(text), most) ? `Expected JSON of at most ${most} levels` : undefined
}

/** Members that the token spells, texts aside. */
const spelt = (token: string) => {
  let members = 0
  for (const sign of token.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"/g, "")) if (sign === ":") members++
  return members
}

const membersOf = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 0
  const children: ReadonlyArray<unknown> = Object.values(value)
  return children.reduce<number>((sum, child) => sum + membersOf(child), Array.isArray(value) ? 0 : children.length)
}

/** Of two members with one name ThingsBoard would drop the first without a word. */
const checkNested = (token: string, rules: ValueRules): CheckedValue => {
  const issue = jsonDepthIssue(token, rules)
  if (issue !== undefined) return { issue }
  const members = spelt(token)
  return members > 1 && membersOf(JSON.parse(token)) !== members ? { issue: "Expected no member twice" } : { token, rounded: false }
}

/** Checks a JSON token that was found to be valid. */
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
      return stored(token)
  }
}

const plural = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`

/** What callers are told of values that ThingsBoard does not hold as they came, and of points that another one of the body replaced. */
export const uploadWarnings = (rounded: number, replaced = 0): ReadonlyArray<string> => [
  ...(rounded === 0
    ? []
    : [`${plural(rounded, "decimal was", "decimals were")} rounded: ThingsBoard holds at most 16 places, and the precision of a double.`]),
  ...(replaced === 0
    ? []
    : [`${plural(replaced, "point was", "points were")} left out: a later one in the body has the same key and time.`])
]
