/** The writer of each format, for formats that are written row by row and for containers such as workbooks. */
import { Stream } from "effect"
import type { Format } from "../domain/Format.ts"
import { csv, type CsvOptions } from "./Csv.ts"
import { json, jsonOfDevices } from "./Json.ts"
import { ndjson } from "./Ndjson.ts"
import { garbagePerParquetRow, parquet } from "./Parquet.ts"
import type { RowBatch } from "./Rows.ts"
import type { RowWriter } from "./RowWriter.ts"
import { wideCsv, wideNdjson } from "./Wide.ts"
import type { WideWriter } from "./wideRows.ts"
import { xlsx, xlsxOfDevices } from "./Xlsx.ts"

/** Writes one file. */
export interface FileWriter {
  /** Bytes of garbage per row, for formats whose encoder leaves so much that the collector must know of it. */
  readonly garbagePerRow?: number
  readonly write: <E, R>(rows: Stream.Stream<RowBatch, E, R>) => Stream.Stream<Uint8Array, E, R>
}

interface Writers {
  /** For one device. All rows of a key come together, in the order of `keys`. json and xlsx also show keys without rows. */
  readonly ofDevice: (keys: ReadonlyArray<string>) => FileWriter
  /** For several devices. All rows of a device come together; `keysOf` is called when the first of them arrives. */
  readonly ofDevices: (keysOf: (deviceId: string) => ReadonlyArray<string>) => FileWriter
}

const rowByRow = ({ head, rows, tail }: RowWriter): FileWriter => ({
  write: (batches) =>
    Stream.sync(head).pipe(
      Stream.concat(Stream.map(batches, ({ device, rows: columns, series }) => rows(columns, series, device))),
      Stream.concat(Stream.sync(tail)),
      Stream.filter(({ length }) => length > 0)
    )
})

/** How text files are written; other formats have no choice. */
export type FileStyle = Pick<CsvOptions, "offsetAt" | "spreadsheet">

const makeWriters = (style: FileStyle): Readonly<Record<Format, Writers>> => ({
  csv: { ofDevice: () => rowByRow(csv(style)), ofDevices: () => rowByRow(csv({ ...style, devices: true })) },
  jsonl: { ofDevice: () => rowByRow(ndjson(style)), ofDevices: () => rowByRow(ndjson(style)) },
  json: { ofDevice: (keys) => rowByRow(json(keys)), ofDevices: (keysOf) => rowByRow(jsonOfDevices(keysOf)) },
  xlsx: { ofDevice: (keys) => ({ write: (rows) => xlsx(keys, rows) }), ofDevices: () => ({ write: (rows) => xlsxOfDevices(rows) }) },
  parquet: {
    ofDevice: () => ({ garbagePerRow: garbagePerParquetRow, write: (rows) => parquet(rows) }),
    ofDevices: () => ({ garbagePerRow: garbagePerParquetRow, write: (rows) => parquet(rows, { devices: true }) })
  }
})

const plain: FileStyle = {}

export const fileWriter = (format: Format, keys: ReadonlyArray<string>, style = plain): FileWriter =>
  makeWriters(style)[format].ofDevice(keys)

export const fileWriterOfDevices = (format: Format, keysOf: (deviceId: string) => ReadonlyArray<string>, style = plain): FileWriter =>
  makeWriters(style)[format].ofDevices(keysOf)

/** The formats that can have one column per key. */
export const wideFormats = ["csv", "jsonl"] as const
export type WideFormat = (typeof wideFormats)[number]

export const wideWriter = (format: WideFormat, keys: ReadonlyArray<string>, style: FileStyle, devices: boolean): WideWriter =>
  format === "csv" ? wideCsv(keys, { ...style, devices }) : wideNdjson(keys, style)
