import type { ColumnSource } from "hyparquet-writer"
import { fitsDouble, parseLong, parseShortNumber } from "./numbers.ts"
import type { RowBatch } from "./Rows.ts"
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

export const parquetSchema = (devices: boolean) => {
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

/** The rows of a row group as columns, copied: one of the value columns holds the value, none holds null. Columns are reused for the next group. */
export class ParquetColumns {
  count = 0
  /** UTF-16 units of all texts. */
  textUnits = 0
  private readonly ts: Float64Array
  private readonly keys: Array<string> = []
  private readonly doubles: Array<number | null> = []
  private readonly longs: Array<bigint | null> = []
  private readonly booleans: Array<boolean | null> = []
  private readonly texts: Array<string | null> = []
  private readonly deviceIds: Array<string> = []
  private readonly deviceNames: Array<string> = []

  constructor(
    private readonly devices: boolean,
    private maxRows: number,
    private readonly maxTextUnits: number
  ) {
    this.ts = new Float64Array(maxRows)
  }

  /** Forgets the group before it. `rows` is at most what the columns were made for. */
  begin(rows: number) {
    this.maxRows = rows
    this.count = 0
    this.textUnits = 0
  }

  get isFull(): boolean {
    return this.count === this.maxRows || this.textUnits >= this.maxTextUnits
  }

  /** Takes rows from `from` on until the group is full; returns how many. */
  add({ device, rows, series }: RowBatch, from: number): number {
    const bytes = Buffer.from(rows.bytes.buffer, rows.bytes.byteOffset, rows.bytes.byteLength)
    let row = from
    for (; row < series.to && !this.isFull; row++) {
      const at = this.count++
      this.ts[at] = rows.ts[row]!
      this.keys[at] = series.key
      if (this.devices) {
        this.deviceIds[at] = device?.id ?? ""
        this.deviceNames[at] = device?.name ?? ""
      }
      this.put(at, bytes, rows.valueFrom[row]!, rows.valueTo[row]!)
    }
    return row - from
  }

  columns(): Array<ColumnSource> {
    const filled = <A>(column: Array<A>) => (column.length === this.count ? column : column.slice(0, this.count))
    return [
      ...(this.devices
        ? [
            { name: "device_id", data: filled(this.deviceIds) },
            { name: "device_name", data: filled(this.deviceNames) }
          ]
        : []),
      // Times that follow each other closely take a byte or less each.
      { name: "ts", data: this.ts.subarray(0, this.count), encoding: "DELTA_BINARY_PACKED" },
      { name: "key", data: filled(this.keys) },
      // Least and greatest values of each group would cost a quarter of the time; readers skip groups by `ts` and `key`.
      { name: "value_double", data: filled(this.doubles), statistics: false },
      { name: "value_long", data: filled(this.longs), statistics: false },
      { name: "value_bool", data: filled(this.booleans), statistics: false },
      { name: "value_text", data: filled(this.texts), statistics: false }
    ]
  }

  private put(at: number, bytes: Buffer, from: number, to: number) {
    this.doubles[at] = null
    this.longs[at] = null
    this.booleans[at] = null
    this.texts[at] = null
    switch (bytes[from]) {
      case quote:
        return this.text(at, JSON.parse(textOf(bytes, from, to)) as string)
      case brace:
      case bracket:
        return this.text(at, textOf(bytes, from, to))
      case 116:
      case 102:
        this.booleans[at] = bytes[from] === 116
        return
      case 110:
        return
      default:
        return this.number(at, bytes, from, to)
    }
  }

  private text(at: number, text: string) {
    this.texts[at] = text
    this.textUnits += text.length
  }

  private number(at: number, bytes: Buffer, from: number, to: number) {
    const decimal = isDecimal(bytes, from, to)
    const short = parseShortNumber(bytes, from, to)
    // A long has no -0.
    if (!Number.isNaN(short) && (decimal || !Object.is(short, -0))) {
      if (decimal) this.doubles[at] = short
      else this.longs[at] = BigInt(short)
      return
    }
    const token = bytes.toString("latin1", from, to)
    const long = decimal ? undefined : parseLong(token)
    if (long !== undefined) this.longs[at] = long
    else if (decimal && fitsDouble(token)) this.doubles[at] = Number(token)
    else this.text(at, token)
  }
}
