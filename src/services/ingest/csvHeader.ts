/** Finds out what the columns of a CSV file are. */
import { unguardFormulas } from "../../formats/formulas.ts"
import { localTimeName } from "../../domain/localClock.ts"
import { telemetryKeyIssue } from "../validation/values.ts"
import { isBroken } from "./ImportRow.ts"
import type { CsvLayout } from "./importRules.ts"

export interface Columns {
  /** Indexes of the columns with the time, or its parts. */
  readonly time: ReadonlyArray<number>
  /** -1 if there is none. */
  readonly deviceId: number
  readonly deviceName: number
  /** The columns of key and value, or the keys of the other columns. */
  readonly form: { readonly key: number; readonly value: number } | ReadonlyArray<readonly [column: number, key: string]>
  readonly count: number
}

/** Columns with a meaning. Upper and lower case are equivalent, so that `Key` and `Value` do not become series. */
const special: ReadonlySet<string> = new Set(["ts", "key", "value", "device_id", "device_name"])

export const normalizeName = (name: string): string => (special.has(name.toLowerCase()) ? name.toLowerCase() : name)

const maxShown = 8
const maxShownLength = 40

/** The names in a message. */
const list = (names: ReadonlyArray<string>): string => {
  const shown = names.slice(0, maxShown).map((name) => (name.length > maxShownLength ? `${name.slice(0, maxShownLength)}…` : name))
  return [...shown, ...(names.length > maxShown ? ["…"] : [])].join(", ")
}

const isData = (name: string) => /^[+-]?\d/.test(name)

const timeIssue = (missing: string, names: ReadonlyArray<string>, layout: CsvLayout): string => {
  if (layout.columns === undefined && isData(names[0] ?? ""))
    return `Expected a header, but the first line is data: ${list(names)}. If it has no header, send header=absent and columns=`
  const hint = layout.timeColumns === undefined ? ". Name the column with the time with time_column=" : ""
  return `Expected a column ${missing}; found ${list(names)}${hint}`
}

const duplicateIssue = (names: ReadonlyArray<string>, isIgnored: (name: string) => boolean): string | undefined => {
  const first = new Map<string, number>()
  for (const [i, name] of names.entries()) {
    const before = first.get(name)
    if (before !== undefined && !isIgnored(name))
      return `Expected each column only once: columns ${before + 1} and ${i + 1} are both called ${list([name])}`
    first.set(name, i)
  }
  return undefined
}

/** Returns the columns, or what is wrong with the header. `hasDevice` says whether rows have to name their device. */
export const parseHeader = (header: ReadonlyArray<string>, hasDevice: boolean, layout: CsvLayout = {}): Columns | string => {
  const { columns, hasHeader = true } = layout
  if (columns !== undefined && hasHeader && columns.length !== header.length)
    return `Expected as many columns as columns= names, ${columns.length}; found ${header.length}: ${list(header)}`
  /** A header may have a column with this name. */
  const isIgnored = (name: string) => columns !== undefined && name === "-"
  const given = (columns ?? header).map((name) => unguardFormulas(name.trim()))
  const names = given.map(normalizeName)
  const broken = names.findIndex(isBroken)
  if (broken >= 0)
    return `Column ${broken + 1}: Expected UTF-8. Name another encoding in the Content-Type, for example text/csv; charset=windows-1252`
  if (names.some((name) => name.includes("\0")))
    return "Expected text, but found NUL bytes. If the file is UTF-16, send charset=utf-16le in the Content-Type"
  const at = (name: string) => names.indexOf(name)
  const wanted = layout.timeColumns ?? ["ts"]
  const time = wanted.map((name) => (given.includes(name) ? given.indexOf(name) : at(normalizeName(name))))
  const missing = time.findIndex((column) => column < 0)
  if (missing >= 0) return timeIssue(wanted[missing]!, given, layout)
  const duplicate = duplicateIssue(names, isIgnored)
  if (duplicate !== undefined) return duplicate
  const [deviceId, deviceName] = [at("device_id"), at("device_name")]
  if (hasDevice && deviceId < 0 && deviceName < 0) return `Expected a column device_id or device_name; found ${list(given)}`
  if (!hasDevice && (deviceId >= 0 || deviceName >= 0)) return "Expected no device column: the path already names the device"
  const [ts] = time
  /** Exports have the local time right after `ts`; anywhere else, the column is a series. */
  const localTime = names[ts!] === "ts" && names[ts! + 1] === localTimeName ? ts! + 1 : -1
  const described = new Set([...time, deviceId, deviceName, localTime])
  const common = { time, deviceId, deviceName, count: names.length }
  const others = names.map((key, column) => [column, key] as const).filter(([column, key]) => !isIgnored(key) && !described.has(column))
  if (at("key") >= 0 && at("value") >= 0) {
    return others.length === 2
      ? { ...common, form: { key: at("key"), value: at("value") } }
      : `Expected no other columns besides key and value; found ${list(given)}`
  }
  const wrong = others.find(([, key]) => telemetryKeyIssue(key) !== undefined)
  if (wrong !== undefined) return `Column ${wrong[0] + 1}: ${telemetryKeyIssue(wrong[1])}`
  return others.length === 0
    ? `Expected columns key and value, or one column per key; found ${list(given)}`
    : { ...common, form: others.map(([column]) => [column, given[column]!] as const) }
}
