/** Rows of a CSV body: `ts,key,value`, or `ts` and a column a key. */
import type { CsvRecord } from "../../formats/CsvReader.ts"
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
import { parseTimestamp } from "./timestamps.ts"
import { type CheckedValue, checkText, checkToken, jsonDepthIssue, telemetryKeyIssue, type ValueRules } from "../validation/values.ts"

export interface Columns {
  readonly ts: number
  readonly deviceId: number
  readonly deviceName: number
  /** `ts,key,value`, or a column a key. */
  readonly form: { readonly key: number; readonly value: number } | ReadonlyArray<readonly [column: number, key: string]>
  readonly count: number
}

/** The columns of a header, or what is wrong with it. `named` says that rows name their device. */
export const parseHeader = (header: ReadonlyArray<string>, named: boolean): Columns | string => {
  const names = header.map((name) => name.trim())
  const at = (name: string) => names.indexOf(name)
  if (new Set(names).size !== names.length) return "Expected every column once"
  if (at("ts") < 0) return "Expected a column ts"
  const [deviceId, deviceName] = [at("device_id"), at("device_name")]
  if (named && deviceId < 0 && deviceName < 0) return "Expected a column device_id or device_name"
  if (!named && (deviceId >= 0 || deviceName >= 0)) return "Expected no device column: the path names the device"
  const common = { ts: at("ts"), deviceId, deviceName, count: names.length }
  const others = names
    .map((key, column) => [column, key] as const)
    .filter(([column]) => ![common.ts, deviceId, deviceName].includes(column))
  if (at("key") >= 0 && at("value") >= 0) {
    return others.length === 2
      ? { ...common, form: { key: at("key"), value: at("value") } }
      : "Expected no other columns beside key and value"
  }
  const wrong = others.find(([, key]) => telemetryKeyIssue(key) !== undefined)
  if (wrong !== undefined) return `Column ${wrong[0] + 1}: ${telemetryKeyIssue(wrong[1])}`
  return others.length === 0 ? "Expected columns key and value, or a column a key" : { ...common, form: others }
}

const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const noValue = /^(?:null|none|nan|[+-]?inf(?:inity)?)$/i
const decimalComma = /^-?\d+,\d+$/

const checkJson = (cell: string, rules: ValueRules): CheckedValue | undefined => {
  if (!/^[[{]/.test(cell)) return undefined
  const issue = jsonDepthIssue(cell, rules)
  if (issue !== undefined) return { issue }
  try {
    JSON.parse(cell)
    return checkToken(cell.trimEnd(), rules)
  } catch {
    return undefined
  }
}

/** An apostrophe that an export put before text that a spreadsheet would run is taken off again. */
const withoutEscape = (cell: string) => (/^'+[=+\-@\t\r\n]/.test(cell) ? cell.slice(1) : cell)

const isBlank = (c: number) => c === 32 || c === 9

/** Without blanks at its ends. A pattern would begin anew at each blank in the middle, which takes minutes for many of them. */
const trimmed = (cell: string): string => {
  let from = 0
  let to = cell.length
  while (from < to && isBlank(cell.charCodeAt(from))) from++
  while (from < to && isBlank(cell.charCodeAt(to - 1))) to--
  return cell.slice(from, to)
}

/**
 * Without quotes a number or boolean is one, with quotes it is text. JSON objects and arrays always stand in quotes. What stands
 * for a missing value elsewhere is refused unless it is quoted.
 */
const checkCell = (cell: string, isText: boolean, rules: ValueRules): CheckedValue => {
  const bare = isText ? "" : trimmed(cell)
  if (number.test(bare)) return checkToken(bare, rules)
  if (/^(?:true|false)$/i.test(bare)) return { token: bare.toLowerCase(), rounded: false }
  if (noValue.test(bare)) return { issue: "Expected a value; an empty cell is no point, and text of this kind goes in quotes" }
  if (decimalComma.test(bare)) return { issue: "Expected a decimal point; text of this kind goes in quotes" }
  checkUtf8(cell)
  return checkJson(cell, rules) ?? checkText(withoutEscape(cell), rules)
}

export const parseRecord = ({ broken, cells, quoted }: CsvRecord, columns: Columns, named: boolean, rules: ValueRules): ImportRow => {
  if (broken !== undefined) return rejectRow(`broken CSV: ${broken}`)
  if (cells.length !== columns.count) return rejectRow(`expected ${columns.count} cells`)
  const { deviceId, deviceName, form, ts } = columns
  // Who quotes even the time quotes everything: then quotes do not mean text.
  const isText = (column: number) => quoted.has(column) && !quoted.has(ts)
  const points: Array<ImportPoint> = []
  const add = (column: number, key: string) => {
    if (cells[column] !== "" || isText(column)) points.push(checkedPoint(key, checkCell(cells[column]!, isText(column), rules)))
  }
  if ("key" in form) {
    const key = withoutEscape(cells[form.key]!)
    checkKey(key)
    checkUtf8(key)
    add(form.value, key)
  } else for (const [column, key] of form) add(column, key)
  const name = cells[deviceName]
  return {
    device: parseDevice(cells[deviceId]?.trim(), name === undefined ? undefined : withoutEscape(name), named),
    ts: requireTimestamp(parseTimestamp(cells[ts]!.trim(), rules.tsUnit)),
    points
  }
}
