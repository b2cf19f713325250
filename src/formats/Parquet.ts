/** Parquet files, written one row group at a time while the rows arrive. */
import { Effect, Option, Stream } from "effect"
import { ByteWriter, ParquetWriter } from "hyparquet-writer"
import { ParquetColumns, parquetSchema } from "./ParquetColumns.ts"
import { RowSource } from "./RowSource.ts"
import type { RowBatch } from "./Rows.ts"

/** Bytes of boxed values, dictionaries, levels and pages that encoding one row leaves to the garbage collector. */
export const garbagePerParquetRow = 500

export interface ParquetOptions {
  /** Adds the columns `device_id` and `device_name`. */
  readonly devices?: boolean
}

const minGroupRows = 2000
const maxGroupRows = 10_000
/**
 * A row group is encoded in one turn of the event loop, and the list of all groups in the last turn, so many small groups block other
 * requests as much as large ones. Groups therefore grow with the file. The first ones are small because code that has just started is slow.
 */
const rowsPerGroup = (rowsBefore: number) => Math.max(minGroupRows, Math.min(maxGroupRows, Math.floor(rowsBefore / 20)))
/** UTF-16 units. */
const maxGroupTextLength = 2 * 1024 * 1024

/** Collects what the Parquet writer writes, for the stream to take. Positions in the file continue across chunks. */
class ChunkBuffer extends ByteWriter {
  take(): Uint8Array {
    const bytes = new Uint8Array(this.buffer.slice(0, this.index))
    this.index = 0
    return bytes
  }
}

/**
 * A Parquet file with the columns `ts` (milliseconds, UTC), `key` and four value columns, of which one is set, or none for null:
 * `value_double`, `value_long` (integers of up to 64 bits), `value_bool`, and `value_text` for text, JSON and numbers that neither number
 * column can hold. Compressed with Snappy.
 */
export const parquet = <E, R>(
  batches: Stream.Stream<RowBatch, E, R>,
  { devices = false }: ParquetOptions = {}
): Stream.Stream<Uint8Array, E, R> =>
  Stream.unwrap(
    Effect.map(RowSource.make(batches), (source) => {
      const chunks = new ChunkBuffer()
      const file = new ParquetWriter({ writer: chunks, schema: parquetSchema(devices), createdBy: "boardwalk" })

      const columns = new ParquetColumns(devices, maxGroupRows, maxGroupTextLength)

      const fill = Effect.fnUntraced(function* (rows: number) {
        columns.begin(rows)
        for (let batch = yield* source.peek; batch !== undefined; batch = yield* source.peek) {
          source.consume(columns.add(batch, batch.from))
          if (columns.isFull) return
        }
      })

      return Stream.paginate(0, (rowsBefore) =>
        Effect.map(Effect.andThen(Effect.yieldNow, fill(rowsPerGroup(rowsBefore))), () => {
          // Both return promises only for writers to files; this one writes to memory.
          if (columns.count > 0) void file.write({ columnData: columns.columns(), rowGroupSize: columns.count })
          const isLast = !columns.isFull
          if (isLast) void file.finish()
          return [[chunks.take()], isLast ? Option.none<number>() : Option.some(rowsBefore + columns.count)] as const
        })
      )
    })
  )
