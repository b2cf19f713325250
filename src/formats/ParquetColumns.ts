import type { ColumnSource } from "hyparquet-writer"
import { doubleHolds, longOf } from "./numbers.ts"
import type { RowsOfSeries } from "./Rows.ts"
import { brace, bracket, quote, textOf } from "./tokens.ts"

const text = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const
const required = { repetition_type: "REQUIRED" } as const
const optional = { repetition_type: "OPTIONAL" } as const

const deviceFields = [
  { name: "device_id", ...text, ...required },
  { name: "device_name", ...text, ...required }
] as const

const fields = [
  { name: "ts", type: "INT64", converted_type: "TIMESTAMP_MILLIS", ...required },
  { name: "key", ...text, ...required },
  { name: "value_double", type: "DOUBLE", ...optional },
  { name: "value_long", type: "INT64", ...optional },
  { name: "value_bool", type: "BOOLEAN", ...optional },
  { name: "value_text", ...text, ...optional }
] as const

export const schemaOf = (devices: boolean) => {
  const columns = [...(devices ? deviceFields : []), ...fields]
  return [{ name: "telemetry", num_children: columns.length }, ...columns]
}

const dot = 46
/** Whether a number is written as a decimal: with a point or an exponent. */
const isDecimal = (bytes: Uint8Array, from: number, to: number) => {
  for (let i = from; i < to; i++) {
    const c = bytes[i]!
    if (c === dot || (c | 32) === 101) return true
  }
  return false
}

/** The rows of a row group as columns, copied: exactly one of the value columns holds a value, none for null. */
export class ParquetColumns {
  count = 0
  /** What the texts take, roughly. */
  size = 0
  private ts: Array<bigint> = []
  private keys: Array<string> = []
  private doubles: Array<number | null> = []
  private longs: Array<bigint | null> = []
  private booleans: Array<boolean | null> = []
  private texts: Array<string | null> = []
  private deviceIds: Array<string> = []
  private deviceNames: Array<string> = []

  constructor(private readonly devices: boolean) {}

  /** Takes rows from `from` on until the group is full; returns where it stopped. */
  add({ device, rows, series }: RowsOfSeries, from: number, isFull: (columns: ParquetColumns) => boolean): number {
    let row = from
    for (; row < series.to && !isFull(this); row++) {
      this.ts.push(BigInt(rows.ts[row]!))
      this.keys.push(series.key)
      if (this.devices) {
        this.deviceIds.push(device?.id ?? "")
        this.deviceNames.push(device?.name ?? "")
      }
      this.value(rows.bytes, rows.valueFrom[row]!, rows.valueTo[row]!)
      this.count++
    }
    return row
  }

  columns(): Array<ColumnSource> {
    return [
      ...(this.devices
        ? [
            { name: "device_id", data: this.deviceIds },
            { name: "device_name", data: this.deviceNames }
          ]
        : []),
      { name: "ts", data: this.ts, encoding: "DELTA_BINARY_PACKED" },
      { name: "key", data: this.keys },
      { name: "value_double", data: this.doubles },
      { name: "value_long", data: this.longs },
      { name: "value_bool", data: this.booleans },
      { name: "value_text", data: this.texts }
    ]
  }

  private value(bytes: Uint8Array, from: number, to: number) {
    switch (bytes[from]) {
      case quote:
        return this.put(null, null, null, JSON.parse(textOf(bytes, from, to)) as string)
      case brace:
      case bracket:
        return this.put(null, null, null, textOf(bytes, from, to))
      case 116:
        return this.put(null, null, true, null)
      case 102:
        return this.put(null, null, false, null)
      case 110:
        return this.put(null, null, null, null)
      default:
        return this.number(textOf(bytes, from, to), isDecimal(bytes, from, to))
    }
  }

  private number(token: string, decimal: boolean) {
    if (decimal) return doubleHolds(token) ? this.put(Number(token), null, null, null) : this.put(null, null, null, token)
    const long = longOf(token)
    return long === undefined ? this.put(null, null, null, token) : this.put(null, long, null, null)
  }

  private put(double: number | null, long: bigint | null, boolean: boolean | null, text: string | null) {
    this.doubles.push(double)
    this.longs.push(long)
    this.booleans.push(boolean)
    this.texts.push(text)
    if (text !== null) this.size += text.length
  }
}
