/** Reads the rows of a CSV body: `ts,key,value`, or `ts` and one column per key. */
import type { CsvRecord } from "../../formats/CsvReader.ts"
import { unguardFormulas } from "../../formats/formulas.ts"
import { readCell } from "./cells.ts"
import type { Columns } from "./csvHeader.ts"
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
import type { ImportRules } from "./importRules.ts"
import { readTime } from "./timestamps.ts"

const timeOf = (cells: ReadonlyArray<string>, time: ReadonlyArray<number>): string =>
  time.length === 1 ? cells[time[0]!]!.trim() : time.map((column) => cells[column]!.trim()).join(" ")

/** Returns the row, or throws `RowRejected`. */
export const parseRecord = (
  { syntaxError, cells, quoted }: CsvRecord,
  columns: Columns,
  hasDevice: boolean,
  rules: ImportRules
): ImportRow => {
  if (syntaxError !== undefined) return rejectRow(`invalid CSV: ${syntaxError}`)
  if (cells.length !== columns.count) return rejectRow(`expected ${columns.count} cells, found ${cells.length}`)
  const { deviceId, deviceName, form, time } = columns
  // Files that quote even the timestamp quote everything, so there quotes do not mean text.
  const quotesMeanText = !quoted.has(time[0]!)
  const name = cells[deviceName]
  if (name !== undefined) checkUtf8(name)
  const device = parseDevice(cells[deviceId]?.trim(), name === undefined ? undefined : unguardFormulas(name), hasDevice)
  const rowKey = "key" in form ? unguardFormulas(cells[form.key]!) : ""
  // Before the values: the times of rejected rows tell which times those of the others are.
  const ts = requireTimestamp(readTime(timeOf(cells, time), rules, () => [seriesName(device, rowKey)]))
  const points: Array<ImportPoint> = []
  const add = (column: number, key: string) => {
    const cell = cells[column]!
    const isText = quotesMeanText && quoted.has(column)
    if (cell === "" && !isText) return
    const value = readCell(cell, isText, rules)
    if (value !== undefined) points.push(checkedPoint(key, value))
  }
  if ("key" in form) {
    checkKey(rowKey)
    checkUtf8(rowKey)
    add(form.value, rowKey)
  } else for (const [column, key] of form) add(column, key)
  return { device, ts, points }
}
