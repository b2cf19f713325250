/** Writes the rows of wide files: one per time, with the values of all keys that have one then. */
import type { Device } from "./Rows.ts"
import type { RemainingRows } from "./RowSource.ts"
import { copy, type TimeColumn, type TokenWriter, utf8 } from "./tokens.ts"

/** The cells of one row. */
export interface RowShape {
  readonly before: Uint8Array
  /** Written before the value of each key; `isAlways` also where there is none. */
  readonly beforeValue: ReadonlyArray<Uint8Array>
  readonly isAlways: boolean
  readonly after: Uint8Array
}

export interface WideWriter {
  readonly head: () => Uint8Array
  readonly shapeFor: (device: Device | undefined) => RowShape
  readonly time: TimeColumn | undefined
  readonly writeValue: TokenWriter
  readonly growthOf: (bytes: Uint8Array) => number
}

/** Bytes that are passed on at once. */
const partSize = 64 * 1024
/** Digits of a time. */
const maxDigits = 16

const values = utf8.encode(`,"values":{`)

/** Rows of a key, and how much their values can grow. Finding that out takes a look at all bytes of the page. */
export interface Head extends RemainingRows {
  readonly growth: number
}

/** Collects rows, and passes them on in parts. */
export class Part {
  private out = new Uint8Array(2 * partSize)
  private at = 0

  get isFull() {
    return this.at >= partSize
  }

  take(): Uint8Array {
    const part = this.out.slice(0, this.at)
    this.at = 0
    return part
  }

  /** Writes the row at `ts`, which has the current rows of `heads` with that time. */
  writeRow(ts: number, heads: ReadonlyArray<Head | undefined>, at: Uint32Array, shape: RowShape, writer: WideWriter) {
    const { after, before, beforeValue, isAlways } = shape
    let size = before.length + after.length + values.length + maxDigits + (writer.time?.maxLength ?? 0)
    for (let k = 0; k < heads.length; k++) {
      const head = heads[k]
      size += beforeValue[k]!.length
      if (head === undefined || head.rows.ts[at[k]!] !== ts) continue
      size += head.growth * (head.rows.valueTo[at[k]!]! - head.rows.valueFrom[at[k]!]!) + 3
    }
    this.reserve(size)
    const { out } = this
    let end = copy(out, this.at, before, 0, before.length)
    end += utf8.encodeInto(String(ts), out.subarray(end)).written
    if (writer.time !== undefined) end = writer.time.write(out, end, ts)
    if (!isAlways) end = copy(out, end, values, 0, values.length)
    let isFirst = !isAlways
    for (let k = 0; k < heads.length; k++) {
      const head = heads[k]
      const i = at[k]!
      const hasValue = head !== undefined && head.rows.ts[i] === ts
      if (!hasValue && !isAlways) continue
      // The first field of an object has no comma before it.
      end = copy(out, end, beforeValue[k]!, isFirst ? 1 : 0, beforeValue[k]!.length)
      isFirst = false
      if (hasValue) end = writer.writeValue(out, end, head.rows.bytes, head.rows.valueFrom[i]!, head.rows.valueTo[i]!)
    }
    this.at = copy(out, end, after, 0, after.length)
  }

  private reserve(size: number) {
    if (this.at + size <= this.out.length) return
    const larger = new Uint8Array(Math.max(2 * this.out.length, this.at + size))
    larger.set(this.out.subarray(0, this.at))
    this.out = larger
  }
}
