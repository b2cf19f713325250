/** Reads the rows of a CSV body: `ts,key,value`, or `ts` and one column per key. */
import { ScanError, skipUnchecked } from "../../json/JsonScanner.ts"
import type { CsvRecord } from "../../formats/CsvReader.ts"
import { unguardFormulas, unguardJson } from "../../formats/formulas.ts"
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
import {
  type CheckedValue,
  checkText,
  checkToken,
  jsonDepthIssue,
  maxParsedTwice,
  telemetryKeyIssue,
  type ValueRules
} from "../validation/values.ts"

export interface Columns {
  /** Indexes of the columns; -1 if there is none. */
  readonly ts: number
  readonly deviceId: number
  readonly deviceName: number
  /** The columns of key and value, or the keys of the other columns. */
  readonly form: { readonly key: number; readonly value: number } | ReadonlyArray<readonly [column: number, key: string]>
  readonly count: number
}

/** Returns the columns, or what is wrong with the header. `hasDevice` says whether rows have to name their device. */
export const parseHeader = (header: ReadonlyArray<string>, hasDevice: boolean): Columns | string => {
  const names = header.map((name) => name.trim())
  const at = (name: string) => names.indexOf(name)
  if (new Set(names).size !== names.length) return "Expected each column only once"
  if (at("ts") < 0) return "Expected a column ts"
  const [deviceId, deviceName] = [at("device_id"), at("device_name")]
  if (hasDevice && deviceId < 0 && deviceName < 0) return "Expected a column device_id or device_name"
  if (!hasDevice && (deviceId >= 0 || deviceName >= 0)) return "Expected no device column: the path already names the device"
  const common = { ts: at("ts"), deviceId, deviceName, count: names.length }
  const others = names
    .map((key, column) => [column, key] as const)
    .filter(([column]) => ![common.ts, deviceId, deviceName].includes(column))
  if (at("key") >= 0 && at("value") >= 0) {
    return others.length === 2
      ? { ...common, form: { key: at("key"), value: at("value") } }
      : "Expected no other columns besides key and value"
  }
  const wrong = others.find(([, key]) => telemetryKeyIssue(key) !== undefined)
  if (wrong !== undefined) return `Column ${wrong[0] + 1}: ${telemetryKeyIssue(wrong[1])}`
  return others.length === 0 ? "Expected columns key and value, or one column per key" : { ...common, form: others }
}

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
/** How other programs write a missing value. */
const noValue = /^(?:null|none|nan|[+-]?inf(?:inity)?)$/i
const decimalComma = /^-?\d+,\d+$/

/** Throws unless the text is JSON. A long object or array is only checked to end where the text does: `checkToken` scans all of it. */
const requireJson = (text: string): void => {
  if (text.length < maxParsedTwice) JSON.parse(text)
  else {
    const bytes = Buffer.from(text)
    if (skipUnchecked(bytes, 0) !== bytes.length) throw new ScanError("more than one value")
  }
}

const checkJson = (cell: string, rules: ValueRules): CheckedValue | undefined => {
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

const isBlank = (c: number) => c === 32 || c === 9

/** A regular expression would start over at each blank in the middle, which takes minutes if there are many. */
const trimBlanks = (cell: string): string => {
  let from = 0
  let to = cell.length
  while (from < to && isBlank(cell.charCodeAt(from))) from++
  while (from < to && isBlank(cell.charCodeAt(to - 1))) to--
  return cell.slice(from, to)
}

/**
 * A number or boolean without quotes is one; with quotes it is text. JSON objects and arrays are always quoted. Words that mean a
 * missing value in other programs are rejected unless they are quoted.
 */
const checkCell = (cell: string, isText: boolean, rules: ValueRules): CheckedValue => {
  const bare = isText ? "" : trimBlanks(cell)
  if (numberPattern.test(bare)) return checkToken(bare, rules)
  if (/^(?:true|false)$/i.test(bare)) return { token: bare.toLowerCase(), rounded: false }
  if (noValue.test(bare)) return { issue: "Expected a value; leave the cell empty if there is none, or quote the text" }
  if (decimalComma.test(bare)) return { issue: "Expected a decimal point; quote the cell if it is text" }
  checkUtf8(cell)
  return checkJson(cell, rules) ?? checkText(unguardFormulas(cell), rules)
}

/** Returns the row, or throws `RowRejected`. */
export const parseRecord = (
  { syntaxError, cells, quoted }: CsvRecord,
  columns: Columns,
  hasDevice: boolean,
  rules: ValueRules
): ImportRow => {
  if (syntaxError !== undefined) return rejectRow(`invalid CSV: ${syntaxError}`)
  if (cells.length !== columns.count) return rejectRow(`expected ${columns.count} cells`)
  const { deviceId, deviceName, form, ts } = columns
  // Files that quote even the timestamp quote everything, so there quotes do not mean text.
  const isText = (column: number) => quoted.has(column) && !quoted.has(ts)
  const points: Array<ImportPoint> = []
  const add = (column: number, key: string) => {
    if (cells[column] !== "" || isText(column)) points.push(checkedPoint(key, checkCell(cells[column]!, isText(column), rules)))
  }
  if ("key" in form) {
    const key = unguardFormulas(cells[form.key]!)
    checkKey(key)
    checkUtf8(key)
    add(form.value, key)
  } else for (const [column, key] of form) add(column, key)
  const name = cells[deviceName]
  return {
    device: parseDevice(cells[deviceId]?.trim(), name === undefined ? undefined : unguardFormulas(name), hasDevice),
    ts: requireTimestamp(parseTimestamp(cells[ts]!.trim(), rules.tsUnit)),
    points
  }
}
