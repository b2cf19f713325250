/** What a row of an import says: a device, a time and points, or why it is refused. */
import { type Exact, isRawNumber, parse } from "../domain/ExactJson.ts"
import { checkValue, isObject, keyIssue, type Rules } from "./Points.ts"

export interface RowOptions {
  readonly rules: Rules
  readonly tsUnit: "ms" | "s"
}

export interface RowPoint {
  readonly key: string
  readonly token: string
  readonly rounded: boolean
}

export interface Row {
  /** None when the rows are of the device in the path. */
  readonly device: { readonly id: string } | { readonly name: string } | undefined
  readonly ts: number
  /** None when all cells are empty. */
  readonly points: ReadonlyArray<RowPoint>
}

/** Ends a row; what it says goes into the report. */
export class Refused extends Error {}

const refuse = (reason: string): never => {
  throw new Refused(reason)
}

/** Below this a number of milliseconds is before March 1973: such numbers are seconds, sent by mistake. */
const leastMillis = 1e11
const mostMillis = 8.64e15
const iso = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/i

export const timeOf = (text: string, unit: "ms" | "s"): number => {
  if (/^\d{1,16}(\.\d{1,9})?$/.test(text)) {
    if (unit === "s") {
      const ts = Math.round(Number(text) * 1000)
      return ts <= mostMillis ? ts : refuse("ts: expected seconds since the epoch")
    }
    const ts = Number(text)
    if (text.includes(".") || ts > mostMillis) return refuse("ts: expected whole milliseconds since the epoch")
    return ts < leastMillis ? refuse("ts: looks like seconds; expected milliseconds, or ts_unit=s") : ts
  }
  if (/^\d{4}-\d\d-\d\d/.test(text) && !iso.test(text))
    return refuse("ts: expected a time with its offset, such as 2026-01-31T08:00:00+01:00")
  const ts = iso.test(text) ? Date.parse(text.replace(" ", "T")) : Number.NaN
  return ts >= 0 ? ts : refuse("ts: expected milliseconds since the epoch, or ISO 8601 with an offset")
}

const point = (key: string, value: Exact, { rules }: RowOptions): RowPoint => {
  const issue = keyIssue(key)
  if (issue !== undefined) return refuse(`key: ${issue}`)
  const checked = checkValue(value, rules)
  return "issue" in checked ? refuse(`${key}: ${checked.issue}`) : { key, ...checked }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const deviceOf = (id: string | undefined, name: string | undefined, named: boolean): Row["device"] => {
  if (!named) return undefined
  if (id !== undefined && id !== "") return uuid.test(id) ? { id: id.toLowerCase() } : refuse("device_id: expected a device id (UUID)")
  return name !== undefined && name !== "" ? { name } : refuse("expected device_id or device_name")
}

const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/**
 * A cell has no type: what looks like a JSON number, boolean, object or array is one, all else is text. An apostrophe that was put
 * before text a spreadsheet would run is taken off again.
 */
const cellValue = (cell: string): Exact => {
  if (number.test(cell) || cell === "true" || cell === "false") return parse(cell)
  if (/^[[{]/.test(cell)) {
    try {
      return parse(cell)
    } catch {
      return cell
    }
  }
  return /^'[=+\-@\t\r\n]/.test(cell) ? cell.slice(1) : cell
}

export interface Columns {
  readonly ts: number
  readonly deviceId: number
  readonly deviceName: number
  /** `ts,key,value`, or a column a key. */
  readonly form: { readonly key: number; readonly value: number } | ReadonlyArray<readonly [column: number, key: string]>
  readonly count: number
}

/** The columns of a header, or what is wrong with it. */
export const columnsOf = (header: ReadonlyArray<string>, named: boolean): Columns | string => {
  const names = header.map((name) => name.trim())
  const at = (name: string) => names.indexOf(name)
  if (new Set(names).size !== names.length) return "Expected every column once"
  if (at("ts") < 0) return "Expected a column ts"
  const [deviceId, deviceName] = [at("device_id"), at("device_name")]
  if (named && deviceId < 0 && deviceName < 0) return "Expected a column device_id or device_name"
  if (!named && (deviceId >= 0 || deviceName >= 0)) return "Expected no device column: the path names the device"
  const special = new Set([at("ts"), deviceId, deviceName])
  if (at("key") >= 0 && at("value") >= 0) {
    return names.length === special.size - (special.has(-1) ? 1 : 0) + 2
      ? { ts: at("ts"), deviceId, deviceName, form: { key: at("key"), value: at("value") }, count: names.length }
      : "Expected no other columns beside key and value"
  }
  const keys = names.map((key, column) => [column, key] as const).filter(([column]) => !special.has(column))
  const wrong = keys.find(([, key]) => keyIssue(key) !== undefined)
  if (wrong !== undefined) return `Column ${wrong[0] + 1}: ${keyIssue(wrong[1])}`
  return keys.length === 0
    ? "Expected columns key and value, or a column a key"
    : { ts: at("ts"), deviceId, deviceName, form: keys, count: names.length }
}

export const rowOfCells = (cells: ReadonlyArray<string>, columns: Columns, named: boolean, options: RowOptions): Row => {
  if (cells.length !== columns.count) return refuse(`expected ${columns.count} cells`)
  const { form } = columns
  const filled = "key" in form ? [[form.value, cells[form.key]!] as const] : form
  return {
    device: deviceOf(cells[columns.deviceId]?.trim(), cells[columns.deviceName], named),
    ts: timeOf(cells[columns.ts]!.trim(), options.tsUnit),
    points: filled.filter(([column]) => cells[column] !== "").map(([column, key]) => point(key, cellValue(cells[column]!), options))
  }
}

const textMember = (line: { readonly [key: string]: Exact }, name: string): string | undefined => {
  const value = line[name]
  return value === undefined ? undefined : typeof value === "string" ? value : refuse(`${name}: expected text`)
}

const members = new Set(["ts", "key", "value", "values", "device_id", "device_name"])

/** `{"ts","key","value"}`, or `{"ts","values":{…}}`, with `device_id` or `device_name` where rows are of many devices. */
export const rowOfLine = (text: string, named: boolean, options: RowOptions): Row => {
  let line: Exact
  try {
    line = parse(text)
  } catch {
    return refuse("expected a JSON object")
  }
  if (!isObject(line)) return refuse("expected a JSON object")
  const other = Object.keys(line).find((name) => !members.has(name))
  if (other !== undefined) return refuse(`${other.slice(0, 64)}: expected no such member`)
  const { ts, value, values } = line
  const time =
    typeof ts === "string"
      ? ts
      : isRawNumber(ts)
        ? ts.rawJSON
        : refuse("ts: expected milliseconds since the epoch, or ISO 8601 with an offset")
  const key = textMember(line, "key")
  const points =
    values !== undefined
      ? isObject(values) && key === undefined && value === undefined
        ? Object.keys(values).map((name) => point(name, values[name]!, options))
        : refuse("values: expected an object, and no key or value beside it")
      : key === undefined || value === undefined
        ? refuse("expected key and value, or values")
        : [point(key, value, options)]
  return {
    device: deviceOf(textMember(line, "device_id"), textMember(line, "device_name"), named),
    ts: timeOf(time, options.tsUnit),
    points
  }
}
