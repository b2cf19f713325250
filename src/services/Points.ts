/** Points on their way in: checked as a whole, every fault named, every digit kept. */
import type { Fault } from "../domain/Errors.ts"
import { type Exact, isRawNumber, print } from "../domain/ExactJson.ts"
import { isNumericText, stored } from "../domain/StoredNumber.ts"

export interface IncomingPoint {
  readonly key: string
  readonly ts: number
  /** The JSON token of the value. */
  readonly token: string
}

export interface Rules {
  /** Whether text that ThingsBoard would turn into a number is let through to be converted. */
  readonly convertNumericText: boolean
}

/** Collects faults up to a bound, and counts the rest. */
export class Faults {
  private readonly list: Array<Fault> = []
  private more = 0
  private readonly most: number
  constructor(most = 100) {
    this.most = most
  }
  add(field: string, issue: string) {
    if (this.list.length < this.most) this.list.push({ field, issue })
    else this.more++
  }
  get isEmpty() {
    return this.list.length === 0
  }
  get all(): ReadonlyArray<Fault> {
    return this.more === 0 ? this.list : [...this.list, { field: "body", issue: `and ${this.more} more faults` }]
  }
}

/** Markup in a key is refused by ThingsBoard ("key is malformed"), and a blank or very long one. */
export const keyIssue = (key: string): string | undefined => {
  if (key.trim() === "") return "Expected a key that is not blank"
  if (key.length > 255) return "Expected a key of at most 255 characters"
  return /<[a-z!/?]/i.test(key) ? "Expected a key without markup" : undefined
}

export type Checked = { readonly token: string; readonly rounded: boolean } | { readonly issue: string }

/** The token that makes ThingsBoard hold the value as it is, or why it cannot. */
export const checkValue = (value: Exact, rules: Rules): Checked => {
  if (value === null) return { issue: "Expected a value, not null" }
  if (isRawNumber(value)) return stored(value.rawJSON)
  if (typeof value === "string" && isNumericText(value) && !rules.convertNumericText) {
    return { issue: "Expected no text that ThingsBoard would turn into a number; send a number, or numeric_text=convert" }
  }
  return { token: print(value), rounded: false }
}

export const isObject = (value: Exact | undefined): value is { readonly [key: string]: Exact } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value)

const timeIssue = "Expected milliseconds since the epoch, a whole number from 0 to 8640000000000000"

export const timeOf = (value: Exact | undefined): number | undefined => {
  if (!isRawNumber(value) || !/^\d{1,16}$/.test(value.rawJSON)) return undefined
  const ts = Number(value.rawJSON)
  return ts <= 8_640_000_000_000_000 ? ts : undefined
}

export interface Reading {
  readonly points: Array<IncomingPoint>
  readonly keys: Array<string>
  rounded: number
}

/** Reads `{key: [{ts, value}]}` found at `path` of the body. */
export const readPoints = (body: Exact, path: string, rules: Rules, faults: Faults): Reading => {
  const reading: Reading = { points: [], keys: [], rounded: 0 }
  if (!isObject(body)) {
    faults.add(path, "Expected an object of keys with their points")
    return reading
  }
  for (const key of Object.keys(body)) {
    const at = path === "body" ? key : `${path}.${key}`
    const issue = keyIssue(key)
    if (issue !== undefined) faults.add(at, issue)
    const list = body[key]!
    if (!Array.isArray(list) || list.length === 0) {
      faults.add(at, "Expected a list of one or more points {ts, value}")
      continue
    }
    reading.keys.push(key)
    for (let i = 0; i < list.length; i++) readPoint(key, list[i], `${at}[${i}]`, rules, faults, reading)
  }
  if (reading.keys.length === 0 && faults.isEmpty) faults.add(path, "Expected one or more keys")
  return reading
}

const readPoint = (key: string, point: Exact, at: string, rules: Rules, faults: Faults, into: Reading) => {
  if (!isObject(point)) return faults.add(at, "Expected a point {ts, value}")
  for (const name of Object.keys(point))
    if (name !== "ts" && name !== "value") faults.add(`${at}.${name}`, "Expected no other member than ts and value")
  const ts = timeOf(point["ts"])
  if (ts === undefined) faults.add(`${at}.ts`, timeIssue)
  if (point["value"] === undefined) return faults.add(`${at}.value`, "Expected a value")
  const checked = checkValue(point["value"], rules)
  if ("issue" in checked) return faults.add(`${at}.value`, checked.issue)
  if (ts === undefined) return
  if (checked.rounded) into.rounded++
  into.points.push({ key, ts, token: checked.token })
}

/** What callers are told of values that were changed to be stored as numbers. */
export const warningsOf = (rounded: number): ReadonlyArray<string> =>
  rounded === 0
    ? []
    : [`${rounded} ${rounded === 1 ? "decimal was" : "decimals were"} rounded to 16 places: ThingsBoard would have stored more as text.`]
