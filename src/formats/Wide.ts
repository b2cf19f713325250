/**
 * Files with one row per time and one column per key. The rows of the keys arrive as ordered streams, one per key, and are merged in
 * memory that does not grow with their number.
 */
import { Effect, Stream } from "effect"
import { type CsvOptions, delimiterOf, deviceCells, formatField, growthOf, headOf, lineEnd, localTimeOf, valueWriter } from "./Csv.ts"
import { deviceFields, localTimeField, type NdjsonOptions } from "./Ndjson.ts"
import type { Device, RowBatch } from "./Rows.ts"
import { type RemainingRows, RowSource } from "./RowSource.ts"
import { noBytes } from "./RowWriter.ts"
import { copy, copyOnOneLine, type TokenWriter, utf8 } from "./tokens.ts"

/** The rows of each key of a device. */
export interface WideRows<E, R> {
  readonly device: Device | undefined
  readonly series: ReadonlyArray<Stream.Stream<RowBatch, E, R>>
}

/** The cells of one row. */
interface RowShape {
  readonly before: Uint8Array
  /** Written before the value of each key; `isAlways` also where there is none. */
  readonly beforeValue: ReadonlyArray<Uint8Array>
  readonly isAlways: boolean
  readonly after: Uint8Array
}

export interface WideWriter {
  readonly head: () => Uint8Array
  readonly shapeFor: (device: Device | undefined) => RowShape
  readonly time: ReturnType<typeof localTimeOf>
  readonly writeValue: TokenWriter
  readonly growthOf: (bytes: Uint8Array) => number
}

/** Bytes that are passed on at once. */
const partSize = 64 * 1024
/** Digits of a time. */
const maxDigits = 16

/** `ts,a,b`, with an empty field where a key has no point at that time. */
export const wideCsv = (keys: ReadonlyArray<string>, options: CsvOptions): WideWriter => {
  const { guard = true, spreadsheet = false } = options
  const delimiter = delimiterOf(options)
  const beforeValue = keys.map(() => utf8.encode(delimiter))
  return {
    head: () =>
      headOf(
        options,
        keys.map((key) => formatField(key, guard))
      ),
    shapeFor: (device) => ({
      before: device === undefined ? noBytes : utf8.encode(deviceCells(device, guard, delimiter)),
      beforeValue,
      isAlways: true,
      after: lineEnd
    }),
    time: localTimeOf(options),
    writeValue: valueWriter(guard, spreadsheet),
    growthOf: (bytes) => growthOf(bytes, guard)
  }
}

/** `{"ts":…,"values":{…}}`, ThingsBoard's own form, with the keys that have a point at that time. */
export const wideNdjson = (keys: ReadonlyArray<string>, { offsetAt }: NdjsonOptions): WideWriter => {
  const beforeValue = keys.map((key) => utf8.encode(`,${JSON.stringify(key)}:`))
  return {
    head: () => noBytes,
    shapeFor: (device) => ({
      before: utf8.encode(`{${deviceFields(device)}"ts":`),
      beforeValue,
      isAlways: false,
      after: utf8.encode("}}\n")
    }),
    time: localTimeField(offsetAt),
    writeValue: copyOnOneLine,
    growthOf: () => 1
  }
}

const values = utf8.encode(`,"values":{`)

/** Rows of a key, and how much their values can grow. Finding that out takes a look at all bytes of the page. */
interface Head extends RemainingRows {
  readonly growth: number
}

/** Collects rows, and passes them on in parts. */
class Part {
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

/** The rows of one device as bytes, oldest first. */
const mergeSeries = <E, R>({ device, series }: WideRows<E, R>, writer: WideWriter): Stream.Stream<Uint8Array, E, R> =>
  Stream.unwrap(
    Effect.map(
      Effect.forEach(series, (one) => RowSource.make(one)),
      (sources) => {
        const shape = writer.shapeFor(device)
        const part = new Part()
        const heads: Array<Head | undefined> = Array.from(sources, () => undefined)
        /** The next row of each head. */
        const at = new Uint32Array(sources.length)
        let waiting = sources.map((_, k) => k)

        const fill = (k: number) =>
          Effect.map(sources[k]!.peek, (rows) => {
            heads[k] = rows === undefined ? undefined : { ...rows, growth: writer.growthOf(rows.rows.bytes) }
            at[k] = rows?.from ?? 0
          })

        /** Writes rows until a series has to be read further, or the part is full. */
        const merge = () => {
          while (waiting.length === 0 && !part.isFull) {
            let ts = Number.POSITIVE_INFINITY
            for (let k = 0; k < heads.length; k++) {
              const head = heads[k]
              if (head !== undefined && head.rows.ts[at[k]!]! < ts) ts = head.rows.ts[at[k]!]!
            }
            if (ts === Number.POSITIVE_INFINITY) return
            part.writeRow(ts, heads, at, shape, writer)
            for (let k = 0; k < heads.length; k++) {
              const head = heads[k]
              if (head === undefined || head.rows.ts[at[k]!] !== ts) continue
              if (++at[k]! < head.series.to) continue
              sources[k]!.consume(at[k]! - head.from)
              waiting.push(k)
            }
          }
        }

        const step: Effect.Effect<readonly [Uint8Array, boolean] | undefined, E, R> = Effect.suspend(() => {
          const filled = waiting
          waiting = []
          return Effect.map(Effect.forEach(filled, fill, { concurrency: "unbounded", discard: true }), () => {
            merge()
            const isOver = waiting.length === 0 && heads.every((head) => head === undefined)
            const bytes = part.isFull || isOver ? part.take() : noBytes
            return isOver && bytes.length === 0 ? undefined : ([bytes, isOver] as const)
          })
        })

        return Stream.unfold(false, (isOver: boolean) => (isOver ? Effect.undefined : step))
      }
    )
  )

/** The file: device after device. */
export const writeWide = <E, R>(writer: WideWriter, devices: Stream.Stream<WideRows<E, R>, E, R>): Stream.Stream<Uint8Array, E, R> =>
  Stream.sync(writer.head).pipe(
    Stream.concat(Stream.flatMap(devices, (rows) => mergeSeries(rows, writer))),
    Stream.filter(({ length }) => length > 0)
  )
