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
  requireTimestamp,
  seriesName
} from "./ImportRow.ts"
import { localTimeName } from "../../domain/localClock.ts"
import { JsonReader } from "../../json/JsonReader.ts"
import { normalizeName } from "./csvHeader.ts"
import type { ImportRules } from "./importRules.ts"
import type { SeriesOfRow } from "./localTimes.ts"
import { nanAsNull } from "./nanAsNull.ts"
import { parseNumericTimestamp, readTime } from "./timestamps.ts"
import { checkToken, jsonDepthIssue } from "../validation/values.ts"

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

const readTimestamp = (token: string | undefined, rules: ImportRules, series: SeriesOfRow): number => {
  if (token === undefined) return rejectRow("ts: expected the timestamp of the row")
  if (token.startsWith('"')) return requireTimestamp(readTime(JSON.parse(token) as string, rules, series))
  return requireTimestamp(rules.readTime === undefined ? parseNumericTimestamp(token, rules.tsUnit) : rules.readTime(token, series))
}

const readPoint = (key: string, token: string, rules: ImportRules): ImportPoint => {
  checkKey(key)
  return checkedPoint(key, checkToken(token, rules))
}

const isMissing = (token: string, { missing }: ImportRules): boolean =>
  missing !== undefined && missing.has(token.startsWith('"') ? (JSON.parse(token) as string) : token)

/** In a row with several points, null means that there is no point, like an empty CSV cell. */
const readPoints = (fields: Fields, rules: ImportRules): ReadonlyArray<ImportPoint> =>
  [...fields].filter(([, token]) => token !== "null" && !isMissing(token, rules)).map(([key, token]) => readPoint(key, token, rules))

/** Fields with a meaning, whose upper and lower case are equivalent, as those of CSV columns are. */
const withNormalNames = (fields: Fields): Fields => {
  const names = [...fields.keys()]
  if (names.every((name) => normalizeName(name) === name)) return fields
  const normal = new Set(names.map(normalizeName))
  const isLong = normal.has("key") && normal.has("value")
  const isChanged = (name: string) => {
    const other = normalizeName(name)
    return other !== name && !fields.has(other) && (other === "ts" || other.startsWith("device_") || isLong)
  }
  return new Map([...fields].map(([name, token]) => [isChanged(name) ? normalizeName(name) : name, token]))
}

/** Calls the field with the time `ts`. */
const withTime = (fields: Fields, timeField: string | undefined): Fields => {
  if (timeField === undefined || timeField === "ts") return fields
  if (fields.has("ts")) rejectRow(`ts: expected no field ts besides ${timeField}`)
  if (!fields.has(timeField)) rejectRow(`${timeField}: expected the timestamp of the row`)
  return new Map([...fields].map(([name, token]) => [name === timeField ? "ts" : name, token]))
}

/** Exports have the local time right after `ts`; anywhere else, the field is a series. */
const isLocalTime = (name: string, before: string | undefined) => name === localTimeName && before === "ts"

const reserved = new Set(["ts", "device_id", "device_name"])

/** The points of a row: its one point, those in ThingsBoard's `values`, or one per field. `hasNan` says that a null was NaN. */
const pointsOf = (data: Fields, rules: ImportRules, hasNan: boolean): ReadonlyArray<ImportPoint> => {
  const [key, value, values] = [data.get("key"), data.get("value"), data.get("values")]
  if (key !== undefined && value !== undefined) {
    if (data.size > 2) rejectRow("expected no other fields besides key and value")
    if (isMissing(value, rules) || (hasNan && value === "null")) return []
    return [readPoint(readText(data, "key") ?? rejectRow("key: expected text"), value, rules)]
  }
  if (values?.startsWith("{") !== true) return readPoints(data, rules)
  const other = [...data.keys()].find((name) => name !== "values")
  if (other !== undefined)
    rejectRow(`${other.slice(0, 64)}: expected no fields besides ts and values; put it into values, or remove values`)
  return readPoints(readFields(values), rules)
}

/** The keys of a row, also those without a value. */
const keysOf = (data: Fields): ReadonlyArray<string> => {
  const [key, value, values] = [data.get("key"), data.get("value"), data.get("values")]
  if (key !== undefined && value !== undefined) return [key]
  return [...(values?.startsWith("{") === true ? readFields(values) : data).keys()]
}

const readLine = (text: string, hasDevice: boolean, rules: ImportRules, hasNan: boolean): ImportRow => {
  const fields = withNormalNames(withTime(readFields(text), rules.timeField))
  const data = new Map([...fields].filter(([name], i, all) => !reserved.has(name) && !isLocalTime(name, all[i - 1]?.[0])))
  if (!hasDevice && (fields.has("device_id") || fields.has("device_name"))) rejectRow("expected no device: the path already names it")
  if (data.size === 0) rejectRow("expected key and value, values, or one field per key")
  const device = parseDevice(readText(fields, "device_id"), readText(fields, "device_name"), hasDevice)
  const series = () => keysOf(data).map((key) => seriesName(device, key))
  // Before the values: the times of rejected rows tell which times those of the others are.
  const ts = readTimestamp(fields.get("ts"), rules, series)
  return { device, ts, points: pointsOf(data, rules, hasNan) }
}

const hintOf = (word: string) =>
  word === "NaN" ? ": leave the field out, or send nan=gap" : word.endsWith("Infinity") ? ": leave the field out, or use null" : ""

/** What is wrong with a line that is not JSON: the mistakes that programs make most often. */
const jsonIssue = (text: string): string => {
  if (text.includes("\0")) return "expected UTF-8; if the file is UTF-16, name it in the Content-Type: charset=utf-16le"
  const word = /[:,[]\s*(NaN|[+-]?Infinity|None|True|False)\b/.exec(text)?.[1]
  if (word !== undefined) return `expected JSON, which has no ${word}${hintOf(word)}`
  if (text.startsWith("[")) return "expected one JSON object per line, not an array"
  if (/^\{\s*'/.test(text)) return "expected JSON, with double quotes"
  return "expected a JSON object"
}

/**
 * Returns the row, or throws `RowRejected`. `{ts, values: {…}}` is ThingsBoard's own form: an object `values` as the only field besides
 * `ts` holds the points, and is not a value itself.
 */
export const parseLine = (text: string, hasDevice: boolean, rules: ImportRules): ImportRow => {
  checkUtf8(text)
  const issue = jsonDepthIssue(text, rules)
  if (issue !== undefined) rejectRow(issue.replace("Expected", "expected"))
  const json = rules.nanIsGap === true ? nanAsNull(text) : text
  try {
    return readLine(json, hasDevice, rules, json !== text)
  } catch (error) {
    if (error instanceof ScanError) return rejectRow(jsonIssue(json))
    throw error
  }
}
