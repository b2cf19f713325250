/** A file of rows in each of the formats, whether it is written row by row or as a container. */
import { Stream } from "effect"
import { csv } from "./Csv.ts"
import { json, jsonOfDevices } from "./Json.ts"
import { ndjson } from "./Ndjson.ts"
import { parquet, parquetFormat } from "./Parquet.ts"
import type { RowBatch } from "./Rows.ts"
import type { RowWriter } from "./RowWriter.ts"
import { xlsx, xlsxFormat, xlsxOfDevices } from "./Xlsx.ts"

export type FileFormat = "json" | "csv" | "jsonl" | "xlsx" | "parquet"

/** Makes one file. */
export interface FileWriter {
  readonly contentType: string
  /** Without the dot. */
  readonly fileExtension: string
  /** Bytes that encoding a row leaves to the collector, where they matter. */
  readonly leftByRow?: number
  readonly write: <E, R>(rows: Stream.Stream<RowBatch, E, R>) => Stream.Stream<Uint8Array, E, R>
}

const chunk = (bytes: () => Uint8Array) => Stream.filter(Stream.sync(bytes), ({ length }) => length > 0)

const rowByRow = ({ contentType, fileExtension, head, rows, tail }: RowWriter): FileWriter => ({
  contentType,
  fileExtension,
  write: (pieces) =>
    chunk(head).pipe(
      Stream.concat(
        Stream.filter(
          Stream.map(pieces, (piece) => rows(piece.rows, piece.series, piece.device)),
          ({ length }) => length > 0
        )
      ),
      Stream.concat(chunk(tail))
    )
})

/** Of one device. All rows of a key come together, keys in the order of `keys`, which json and xlsx show also when no row comes for them. */
export const fileWriter = (format: FileFormat, keys: ReadonlyArray<string>): FileWriter => {
  switch (format) {
    case "csv":
      return rowByRow(csv())
    case "jsonl":
      return rowByRow(ndjson())
    case "json":
      return rowByRow(json(keys))
    case "xlsx":
      return { ...xlsxFormat, write: (rows) => xlsx(keys, rows) }
    case "parquet":
      return { ...parquetFormat, write: (rows) => parquet(rows) }
  }
}

/** Of several devices, each row with its own. All rows of a device come together; `keysOf` is asked when its first ones come. */
export const fileWriterOfDevices = (format: FileFormat, keysOf: (deviceId: string) => ReadonlyArray<string>): FileWriter => {
  switch (format) {
    case "csv":
      return rowByRow(csv({ devices: true }))
    case "jsonl":
      return rowByRow(ndjson())
    case "json":
      return rowByRow(jsonOfDevices(keysOf))
    case "xlsx":
      return { ...xlsxFormat, write: (rows) => xlsxOfDevices(rows) }
    case "parquet":
      return { ...parquetFormat, write: (rows) => parquet(rows, { devices: true }) }
  }
}
