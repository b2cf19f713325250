/** Splits a body into rows with their line numbers, one chunk at a time. The caller reads each row by `read`. */
import { Effect, Stream } from "effect"
import type { InvalidInput } from "../../domain/Errors.ts"
import { CsvReader, type CsvRecord } from "../../formats/CsvReader.ts"
import { LineReader } from "../../formats/LineReader.ts"
import { delimiterOfCells, detectDelimiter } from "../../formats/delimiters.ts"
import { type Columns, parseHeader } from "./csvHeader.ts"
import { parseRecord } from "./csvRows.ts"
import { decodeFile, invalidBody } from "./decodeFile.ts"
import type { CsvLayout, ImportRules } from "./importRules.ts"
import { rejectRow, type ImportRow } from "./ImportRow.ts"
import { parseLine } from "./ndjsonRows.ts"

export interface RowOptions {
  readonly format: "csv" | "ndjson"
  /** The device of all rows; if undefined, each row names its device. */
  readonly deviceId: string | undefined
  readonly rules: ImportRules
  readonly layout?: CsvLayout
  /** Encoding of the file, as its `Content-Type` names it. Default: UTF-8, or UTF-16 with a byte order mark. */
  readonly charset?: string
  /** Earlier lines, except for the header, are not read: they are stored already. */
  readonly fromLine?: number
}

export interface NumberedRow {
  readonly line: number
  /** Whether reading it takes so long that it needs a turn of the event loop of its own. */
  readonly isLong: boolean
  /** Throws `RowRejected`. */
  readonly read: () => ImportRow
}

/** The body ended early or is not UTF-8. Rows stored before stay stored. */
const unreadable = () => invalidBody("Expected a whole body of UTF-8 text")

interface Reader<A> {
  readonly feed: (chunk: string) => ReadonlyArray<A>
  readonly end: () => ReadonlyArray<A>
}

/** Bun passes on all of a body that has arrived as one chunk. Splitting ten megabytes into rows would take longer than a turn may last. */
const maxPartBytes = 64 * 1024

function* partsOf(chunk: Uint8Array) {
  for (let from = 0; from < chunk.length; from += maxPartBytes) yield chunk.subarray(from, from + maxPartBytes)
}

/** The records of each part of the body, and the last one. */
const readRecords = <A, E>(
  body: Stream.Stream<Uint8Array, E>,
  charset: string | undefined,
  reader: Reader<A>
): Stream.Stream<ReadonlyArray<A>, InvalidInput> =>
  Stream.mapError(body, unreadable).pipe(
    Stream.flatMap((chunk) => Stream.fromIterable(partsOf(chunk), { chunkSize: 1 })),
    decodeFile(charset),
    Stream.map((chunk) => reader.feed(chunk)),
    Stream.concat(Stream.sync(() => reader.end()))
  )

/** By its cells, of which most records have few. */
const isLongRecord = ({ cells }: CsvRecord) => cells.length > 1000 || cells.some((cell) => cell.length > maxPartBytes)

const readNdjson = <E>(body: Stream.Stream<Uint8Array, E>, { charset, deviceId, rules }: RowOptions) =>
  Stream.map(readRecords(body, charset, new LineReader()), (lines) =>
    lines.map(({ line, text }): NumberedRow => {
      const read = () => (text === undefined ? rejectRow("expected a shorter line") : parseLine(text, deviceId === undefined, rules))
      return { line, read, isLong: text !== undefined && text.length > maxPartBytes }
    })
  )

/** The delimiter is next to the column with the time, or fits the columns that the request names. */
const delimiterFinder =
  ({ columns, timeColumns = ["ts"] }: CsvLayout) =>
  (line: string) =>
    columns === undefined ? detectDelimiter(line, timeColumns) : delimiterOfCells(line, columns.length)

const readCsv = <E>(body: Stream.Stream<Uint8Array, E>, { charset, deviceId, layout = {}, rules }: RowOptions) => {
  const hasDevice = deviceId === undefined
  const hasHeader = layout.hasHeader !== false
  let columns: Columns | undefined
  const readHeader = ({ syntaxError, cells }: CsvRecord): Effect.Effect<Columns, InvalidInput> => {
    const found = syntaxError === undefined ? parseHeader(cells, hasDevice, layout) : `Expected a header, then CSV: ${syntaxError}`
    return typeof found === "string" ? Effect.fail(invalidBody(found)) : Effect.succeed(found)
  }
  const reader = new CsvReader(undefined, delimiterFinder(layout), layout.skipLines)
  const rows = Stream.mapEffect(
    readRecords(body, charset, reader),
    Effect.fnUntraced(function* (records) {
      const [first] = records
      if (first === undefined) return []
      const isFirst = columns === undefined
      const known = (columns ??= yield* readHeader(first))
      const data = isFirst && hasHeader ? records.slice(1) : records
      return data.map((record): NumberedRow => ({
        line: record.line,
        isLong: isLongRecord(record),
        read: () => parseRecord(record, known, hasDevice, rules)
      }))
    })
  )
  const requireHeader = Stream.suspend(() =>
    columns === undefined && hasHeader ? Stream.fail(invalidBody("Expected a header, but the file is empty")) : Stream.empty
  )
  return Stream.concat(rows, requireHeader)
}

export const readRows = <E>(
  body: Stream.Stream<Uint8Array, E>,
  options: RowOptions
): Stream.Stream<ReadonlyArray<NumberedRow>, InvalidInput> => {
  const rows = options.format === "ndjson" ? readNdjson(body, options) : readCsv(body, options)
  const { fromLine = 0 } = options
  return fromLine <= 1 ? rows : Stream.map(rows, (some) => some.filter(({ line }) => line >= fromLine))
}
