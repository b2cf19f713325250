import type { ColumnSource } from "hyparquet-writer"
import { fitsDouble, parseLong, parseShortNumber } from "./numbers.ts"
import type { RowBatch } from "./Rows.ts"
import { brace, bracket, quote, textOf } from "./tokens.ts"

const text = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const
/** Without the logical type, which says UTC, DuckDB and others read the older `converted_type` as a time without a zone. */
const utcMillis = {
  type: "INT64",
  converted_type: "TIMESTAMP_MILLIS",
  logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" }
} as const
const required = { repetition_type: "REQUIRED" } as const
const optional = { repetition_type: "OPTIONAL" } as const

const deviceFields = [
  { name: "device_id", ...text, ...required },
  { name: "device_name", ...text, ...required }
] as const

const fields = [
  { name: "ts", ...utcMillis, ...required },
  { name: "key", ...text, ...required },
  { name: "value_double", type: "DOUBLE", ...optional },
  { name: "value_long", type: "INT64", ...optional },
  { name: "value_bool", type: "BOOLEAN", ...optional },
  { name: "value_text", ...text, ...optional }
] as const

/** The schema of the file. */
export const parquetSchema = (devices: boolean) => {
  const columns = [...(devices ? deviceFields : []), ...fields]
  return [{ name: "telemetry", num_children: columns.length }, ...columns]
}

const dot = 46
/** Whether a number token has a decimal point or an exponent. */
const isDecimal = (bytes: Uint8Array, from: number, to: number) => {
  for (let i = from; i < to; i++) {
    const c = bytes[i]!
    if (c === dot || (c | 32) === 101) return true
  }
  return false
}

/**
 * The rows of one row group, copied into columns. One of the value columns is set, none for null. The columns are reused for the next
 * group.
 */
export class ParquetColumns {
  count = 0
  /** Total length of all texts, in UTF-16 units. */
  textLength = 0
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
    private readonly maxTextLength: number
  ) {
    this.ts = new Float64Array(maxRows)
  }

  /** Begins a new group of at most `rows` rows, which must not exceed the `maxRows` of the constructor. */
  begin(rows: number) {
    this.maxRows = rows
    this.count = 0
    this.textLength = 0
  }

  get isFull(): boolean {
    return this.count === this.maxRows || this.textLength >= this.maxTextLength
  }

  /** Copies rows, beginning with row `from`, until the group is full. Returns how many were copied. */
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
      this.setValue(at, bytes, rows.valueFrom[row]!, rows.valueTo[row]!)
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
      // Times at short, regular intervals take a byte or less each.
      { name: "ts", data: this.ts.subarray(0, this.count), encoding: "DELTA_BINARY_PACKED" },
      { name: "key", data: filled(this.keys) },
      // Minimum and maximum of the values of each group would cost a quarter of the time; readers skip groups by `ts` and `key`.
      { name: "value_double", data: filled(this.doubles), statistics: false },
      { name: "value_long", data: filled(this.longs), statistics: false },
      { name: "value_bool", data: filled(this.booleans), statistics: false },
      { name: "value_text", data: filled(this.texts), statistics: false }
    ]
  }

  private setValue(at: number, bytes: Buffer, from: number, to: number) {
    this.doubles[at] = null
    this.longs[at] = null
    this.booleans[at] = null
    this.texts[at] = null
    switch (bytes[from]) {
      case quote:
        return this.setText(at, JSON.parse(textOf(bytes, from, to)) as string)
      case brace:
      case bracket:
        return this.setText(at, textOf(bytes, from, to))
      case 116:
      case 102:
        this.booleans[at] = bytes[from] === 116
        return
      case 110:
        return
      default:
        return this.setNumber(at, bytes, from, to)
    }
  }

  private setText(at: number, text: string) {
    this.texts[at] = text
    this.textLength += text.length
  }

  private setNumber(at: number, bytes: Buffer, from: number, to: number) {
    const decimal = isDecimal(bytes, from, to)
    const short = parseShortNumber(bytes, from, to)
    // An integer column cannot hold -0.
    if (!Number.isNaN(short) && (decimal || !Object.is(short, -0))) {
      if (decimal) this.doubles[at] = short
      else this.longs[at] = BigInt(short)
      return
    }
    const token = bytes.toString("latin1", from, to)
    const long = decimal ? undefined : parseLong(token)
    if (long !== undefined) this.longs[at] = long
    else if (decimal && fitsDouble(token)) this.doubles[at] = Number(token)
    else this.setText(at, token)
  }
}
