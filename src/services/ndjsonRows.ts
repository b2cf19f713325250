/** Rows of an NDJSON body: `{ts, key, value}`, `{ts, values: {…}}`, or `ts` and a member a key. */
import { ScanError } from "../thingsboard/JsonScanner.ts"
import { checkKey, checkUtf8, deviceOf, pointOf, refuse, type Row, type RowPoint, timeOr } from "./ImportRow.ts"
import { JsonBody } from "./JsonBody.ts"
import { timeOfNumber, timeOfText } from "./times.ts"
import { checkToken, depthIssue, type Rules } from "./Values.ts"

type Members = ReadonlyMap<string, string>

/** The tokens of an object's members; the body must be the object as a whole. */
const membersOf = (text: string): Members => {
  const members = new Map<string, string>()
  const body = new JsonBody(text)
  body.read((at) =>
    body.members(at, (name, valueAt) => {
      const end = body.skip(valueAt)
      if (members.has(name)) refuse(`${name.slice(0, 64)}: expected only once`)
      members.set(name, body.token(valueAt, end))
      return end
    })
  )
  return members
}

const textMember = (members: Members, name: string): string | undefined => {
  const token = members.get(name)
  if (token === undefined || token === "null") return undefined
  return token.startsWith('"') ? (JSON.parse(token) as string) : refuse(`${name}: expected text`)
}

const timeOf = (token: string | undefined, rules: Rules): number => {
  if (token === undefined) return refuse("ts: expected the time of the row")
  return timeOr(token.startsWith('"') ? timeOfText(JSON.parse(token) as string, rules.tsUnit) : timeOfNumber(token, rules.tsUnit))
}

const point = (key: string, token: string, rules: Rules): RowPoint => {
  checkKey(key)
  return pointOf(key, checkToken(token, rules))
}

/** As an empty cell, null is no point where a row has several. */
const pointsOf = (members: Members, rules: Rules): ReadonlyArray<RowPoint> =>
  [...members].filter(([, token]) => token !== "null").map(([key, token]) => point(key, token, rules))

const common = new Set(["ts", "device_id", "device_name"])

const readLine = (text: string, named: boolean, rules: Rules): Row => {
  const members = membersOf(text)
  const own = new Map([...members].filter(([name]) => !common.has(name)))
  if (!named && own.size < members.size - 1) refuse("expected no device: the path names it")
  const [key, value, values] = [own.get("key"), own.get("value"), own.get("values")]
  const isLong = key !== undefined && value !== undefined
  if (isLong && own.size > 2) refuse("expected no other members beside key and value")
  if (own.size === 0) refuse("expected key and value, values, or a member a key")
  return {
    device: deviceOf(textMember(members, "device_id"), textMember(members, "device_name"), named),
    ts: timeOf(members.get("ts"), rules),
    points: isLong
      ? [point(textMember(own, "key") ?? refuse("key: expected text"), value, rules)]
      : pointsOf(own.size === 1 && values?.startsWith("{") === true ? membersOf(values) : own, rules)
  }
}

/** ThingsBoard's own form is read as it means it: alone beside `ts`, an object called `values` is not a value. */
export const rowOfLine = (text: string, named: boolean, rules: Rules): Row => {
  checkUtf8(text)
  const issue = depthIssue(text, rules)
  if (issue !== undefined) refuse(issue.replace("Expected", "expected"))
  try {
    return readLine(text, named, rules)
  } catch (error) {
    if (error instanceof ScanError) return refuse("expected a JSON object")
    throw error
  }
}
