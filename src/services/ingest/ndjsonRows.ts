/** Rows of an NDJSON body: `{ts, key, value}`, `{ts, values: {…}}`, or `ts` and a member a key. */
import { ScanError } from "../../json/JsonScanner.ts"
import {
  checkKey,
  checkUtf8,
  parseDevice,
  checkedPoint,
  rejectRow,
  type ImportRow,
  type ImportPoint,
  requireTimestamp
} from "./ImportRow.ts"
import { JsonReader } from "../../json/JsonReader.ts"
import { parseNumericTimestamp, parseTimestamp } from "./timestamps.ts"
import { checkToken, jsonDepthIssue, type ValueRules } from "../validation/values.ts"

type Members = ReadonlyMap<string, string>

/** The tokens of an object's members; the body must be the object as a whole. */
const membersOf = (text: string): Members => {
  const members = new Map<string, string>()
  const body = new JsonReader(text)
  body.read((at) =>
    body.members(at, (name, valueAt) => {
      const end = body.skip(valueAt)
      if (members.has(name)) rejectRow(`${name.slice(0, 64)}: expected only once`)
      members.set(name, body.token(valueAt, end))
      return end
    })
  )
  return members
}

const textMember = (members: Members, name: string): string | undefined => {
  const token = members.get(name)
  if (token === undefined || token === "null") return undefined
  return token.startsWith('"') ? (JSON.parse(token) as string) : rejectRow(`${name}: expected text`)
}

const timeOf = (token: string | undefined, rules: ValueRules): number => {
  if (token === undefined) return rejectRow("ts: expected the time of the row")
  return requireTimestamp(
    token.startsWith('"') ? parseTimestamp(JSON.parse(token) as string, rules.tsUnit) : parseNumericTimestamp(token, rules.tsUnit)
  )
}

const point = (key: string, token: string, rules: ValueRules): ImportPoint => {
  checkKey(key)
  return checkedPoint(key, checkToken(token, rules))
}

/** As an empty cell, null is no point where a row has several. */
const pointsOf = (members: Members, rules: ValueRules): ReadonlyArray<ImportPoint> =>
  [...members].filter(([, token]) => token !== "null").map(([key, token]) => point(key, token, rules))

const common = new Set(["ts", "device_id", "device_name"])

const readLine = (text: string, named: boolean, rules: ValueRules): ImportRow => {
  const members = membersOf(text)
  const own = new Map([...members].filter(([name]) => !common.has(name)))
  if (!named && own.size < members.size - 1) rejectRow("expected no device: the path names it")
  const [key, value, values] = [own.get("key"), own.get("value"), own.get("values")]
  const isLong = key !== undefined && value !== undefined
  if (isLong && own.size > 2) rejectRow("expected no other members beside key and value")
  if (own.size === 0) rejectRow("expected key and value, values, or a member a key")
  return {
    device: parseDevice(textMember(members, "device_id"), textMember(members, "device_name"), named),
    ts: timeOf(members.get("ts"), rules),
    points: isLong
      ? [point(textMember(own, "key") ?? rejectRow("key: expected text"), value, rules)]
      : pointsOf(own.size === 1 && values?.startsWith("{") === true ? membersOf(values) : own, rules)
  }
}

/** ThingsBoard's own form is read as it means it: alone beside `ts`, an object called `values` is not a value. */
export const parseLine = (text: string, named: boolean, rules: ValueRules): ImportRow => {
  checkUtf8(text)
  const issue = jsonDepthIssue(text, rules)
  if (issue !== undefined) rejectRow(issue.replace("Expected", "expected"))
  try {
    return readLine(text, named, rules)
  } catch (error) {
    if (error instanceof ScanError) return rejectRow("expected a JSON object")
    throw error
  }
}
