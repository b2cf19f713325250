/**
 * Files with one row per time and one column per key. The rows of the keys arrive as ordered streams, one per key, and are merged in
 * memory that does not grow with their number.
 */
import { Effect, Stream } from "effect"
import { type CsvOptions, delimiterOf, deviceCells, formatField, growthOf, headOf, lineEnd, localTimeOf, valueWriter } from "./Csv.ts"
import { deviceFields, localTimeField, type NdjsonOptions } from "./Ndjson.ts"
import type { Device, RowBatch } from "./Rows.ts"
import { RowSource } from "./RowSource.ts"
import { noBytes } from "./RowWriter.ts"
import { copyOnOneLine, utf8 } from "./tokens.ts"
import { type Head, Part, type WideWriter } from "./wideRows.ts"

/** The rows of each key of a device. */
export interface DeviceSeries<E, R> {
  readonly device: Device | undefined
  readonly series: ReadonlyArray<Stream.Stream<RowBatch, E, R>>
}

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

/** The rows of one device as bytes, oldest first. */
const mergeSeries = <E, R>({ device, series }: DeviceSeries<E, R>, writer: WideWriter): Stream.Stream<Uint8Array, E, R> =>
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
export const writeWide = <E, R>(writer: WideWriter, devices: Stream.Stream<DeviceSeries<E, R>, E, R>): Stream.Stream<Uint8Array, E, R> =>
  Stream.sync(writer.head).pipe(
    Stream.concat(Stream.flatMap(devices, (rows) => mergeSeries(rows, writer))),
    Stream.filter(({ length }) => length > 0)
  )
