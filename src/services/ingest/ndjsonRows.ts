/** Reads the rows of an NDJSON body: `{ts, key, value}`, `{ts, values: {…}}`, or `ts` and one field per key. */
import { maxCells } from "../../formats/CsvReader.ts"
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

/** The JSON tokens of an object's fields, by name. */
type Fields = ReadonlyMap<string, string>

/** As many as a CSV row may have cells. */
const maxFields = maxCells

/** The text must be a single object. Rejects the row if a field occurs twice. */
const readFields = (text: string): Fields => {
  const fields = new Map<string, string>()
  const body = new JsonReader(text)
  body.read((at) =>
    body.readFields(at, (name, valueAt) => {
      const end = body.skip(valueAt)
      if (fields.has(name)) rejectRow(`${name.slice(0, 64)}: expected only once`)
      fields.set(name, body.textOf(valueAt, end))
      if (fields.size > maxFields) rejectRow(`expected at most ${maxFields} fields`)
      return end
    })
  )
  return fields
}

const readText = (fields: Fields, name: string): string | undefined => {
  const token = fields.get(name)
  if (token === undefined || token === "null") return undefined
  return token.startsWith('"') ? (JSON.parse(token) as string) : rejectRow(`${name}: expected text`)
}

const readTimestamp = (token: string | undefined, rules: ValueRules): number => {
  if (token === undefined) return rejectRow("ts: expected the timestamp of the row")
  return requireTimestamp(
    token.startsWith('"') ? parseTimestamp(JSON.parse(token) as string, rules.tsUnit) : parseNumericTimestamp(token, rules.tsUnit)
  )
}

const readPoint = (key: string, token: string, rules: ValueRules): ImportPoint => {
  checkKey(key)
  return checkedPoint(key, checkToken(token, rules))
}

/** In a row with several points, null means that there is no point, like an empty CSV cell. */
const readPoints = (fields: Fields, rules: ValueRules): ReadonlyArray<ImportPoint> =>
  [...fields].filter(([, token]) => token !== "null").map(([key, token]) => readPoint(key, token, rules))

const reserved = new Set(["ts", "device_id", "device_name"])

const readLine = (text: string, hasDevice: boolean, rules: ValueRules): ImportRow => {
  const fields = readFields(text)
  const data = new Map([...fields].filter(([name]) => !reserved.has(name)))
  if (!hasDevice && data.size < fields.size - 1) rejectRow("expected no device: the path already names it")
  const [key, value, values] = [data.get("key"), data.get("value"), data.get("values")]
  const isSinglePoint = key !== undefined && value !== undefined
  if (isSinglePoint && data.size > 2) rejectRow("expected no other fields besides key and value")
  if (data.size === 0) rejectRow("expected key and value, values, or one field per key")
  return {
    device: parseDevice(readText(fields, "device_id"), readText(fields, "device_name"), hasDevice),
    ts: readTimestamp(fields.get("ts"), rules),
    points: isSinglePoint
      ? [readPoint(readText(data, "key") ?? rejectRow("key: expected text"), value, rules)]
      : readPoints(data.size === 1 && values?.startsWith("{") === true ? readFields(values) : data, rules)
  }
}

/**
 * Returns the row, or throws `RowRejected`. `{ts, values: {…}}` is ThingsBoard's own form: an object `values` as the only field besides
 * `ts` holds the points, and is not a value itself.
 */
export const parseLine = (text: string, hasDevice: boolean, rules: ValueRules): ImportRow => {
  checkUtf8(text)
  const issue = jsonDepthIssue(text, rules)
  if (issue !== undefined) rejectRow(issue.replace("Expected", "expected"))
  try {
    return readLine(text, hasDevice, rules)
  } catch (error) {
    if (error instanceof ScanError) return rejectRow("expected a JSON object")
    throw error
  }
}
