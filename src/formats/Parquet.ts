/** A Parquet file, written while its rows come: row group after row group. */
import { Effect, Option, Stream } from "effect"
import { ByteWriter, ParquetWriter } from "hyparquet-writer"
import { ParquetColumns, parquetSchema } from "./ParquetColumns.ts"
import { RowSource } from "./RowSource.ts"
import type { RowBatch } from "./Rows.ts"

/** Bytes of boxed values, dictionaries, levels and pages that encoding one row leaves to the garbage collector. */
export const garbagePerParquetRow = 500

export interface ParquetOptions {
  /** With the columns `device_id` and `device_name`. */
  readonly devices?: boolean
}

const minGroupRows = 2000
const maxGroupRows = 10_000
/**
 * A group is encoded in one turn of the event loop, and the list of all groups in the last one: many small groups hold up everyone
 * else as large ones do. So groups grow with the file; small ones first, since code that was just started is slow.
 */
const groupRows = (rowsBefore: number) => Math.max(minGroupRows, Math.min(maxGroupRows, Math.floor(rowsBefore / 20)))
const groupTextUnits = 2 * 1024 * 1024

/** Hands out what was written so far. Positions in the file go on counting. */
class Chunks extends ByteWriter {
  taken(): Uint8Array {
    const bytes = new Uint8Array(this.buffer.slice(0, this.index))
    this.index = 0
    return bytes
  }
}

/**
 * The bytes of a Parquet file with the columns `ts` (milliseconds, UTC), `key` and four for the value, of which one is filled and
 * none for null: `value_double`, `value_long` (integers of up to 64 bits), `value_bool`, and `value_text` for text, JSON and
 * numbers that neither number column can hold. Compressed with Snappy.
 */
export const parquet = <E, R>(
  pages: Stream.Stream<RowBatch, E, R>,
  { devices = false }: ParquetOptions = {}
): Stream.Stream<Uint8Array, E, R> =>
  Stream.unwrap(
    Effect.map(RowSource.make(pages), (source) => {
      const chunks = new Chunks()
      const file = new ParquetWriter({ writer: chunks, schema: parquetSchema(devices), createdBy: "boardwalk" })

      const columns = new ParquetColumns(devices, maxGroupRows, groupTextUnits)

      const fill = Effect.fnUntraced(function* (rows: number) {
        columns.begin(rows)
        for (let piece = yield* source.peek; piece !== undefined; piece = yield* source.peek) {
          source.take(columns.add(piece, piece.from))
          if (columns.isFull) return
        }
      })

      return Stream.paginate(0, (rowsBefore) =>
        Effect.map(Effect.andThen(Effect.yieldNow, fill(groupRows(rowsBefore))), () => {
          // Both would only wait for a file; this one is in memory.
          if (columns.count > 0) void file.write({ columnData: columns.columns(), rowGroupSize: columns.count })
          const isLast = !columns.isFull
          if (isLast) void file.finish()
          return [[chunks.taken()], isLast ? Option.none<number>() : Option.some(rowsBefore + columns.count)] as const
        })
      )
    })
  )
