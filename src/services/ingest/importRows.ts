/** The rows of a body, piece by piece, each with its line; what they say is read by who takes them. */
import { Effect, Stream } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"
import { CsvReader, type CsvRecord } from "../../formats/CsvReader.ts"
import { LineReader } from "../../formats/LineReader.ts"
import { type Columns, parseHeader, parseRecord } from "./csvRows.ts"
import { rejectRow, type ImportRow } from "./ImportRow.ts"
import { parseLine } from "./ndjsonRows.ts"
import type { ValueRules } from "../validation/values.ts"

export interface RowOptions {
  readonly format: "csv" | "ndjson"
  /** The device that all rows are of; when undefined each row names its own. */
  readonly deviceId: string | undefined
  readonly rules: ValueRules
}

export interface NumberedRow {
  readonly line: number
  /** Throws `Refused`. */
  readonly read: () => ImportRow
}

const fault = (issue: string) => new InvalidInput({ errors: [{ field: "body", issue }] })

/** The body broke off: what was stored stays stored. */
const unreadable = () => fault("Expected a whole body of UTF-8 text")

interface Reader<A> {
  readonly feed: (piece: string) => ReadonlyArray<A>
  readonly end: () => ReadonlyArray<A>
}

/** The records of each piece of the body, and those of its end. */
const recordsOf = <A, E>(body: Stream.Stream<Uint8Array, E>, reader: Reader<A>): Stream.Stream<ReadonlyArray<A>, InvalidInput> =>
  Stream.mapError(body, unreadable).pipe(
    Stream.decodeText,
    Stream.map((piece) => reader.feed(piece)),
    Stream.concat(Stream.sync(() => reader.end()))
  )

const ofLines = <E>(body: Stream.Stream<Uint8Array, E>, { deviceId, rules }: RowOptions) =>
  Stream.map(recordsOf(body, new LineReader()), (lines) =>
    lines.map(({ line, text }): NumberedRow => {
      const read = () => (text === undefined ? rejectRow("expected a shorter line") : parseLine(text, deviceId === undefined, rules))
      return { line, read }
    })
  )

const ofCsv = <E>(body: Stream.Stream<Uint8Array, E>, { deviceId, rules }: RowOptions) => {
  const named = deviceId === undefined
  let columns: Columns | undefined
  const header = ({ broken, cells }: CsvRecord): Effect.Effect<Columns, InvalidInput> => {
    const found = broken === undefined ? parseHeader(cells, named) : `Expected a header, then CSV: ${broken}`
    return typeof found === "string" ? Effect.fail(fault(found)) : Effect.succeed(found)
  }
  const rows = Stream.mapEffect(
    recordsOf(body, new CsvReader()),
    Effect.fnUntraced(function* (records) {
      const [first] = records
      if (first === undefined) return []
      const isHeader = columns === undefined
      const known = (columns ??= yield* header(first))
      const behind = isHeader ? records.slice(1) : records
      return behind.map((record): NumberedRow => ({ line: record.line, read: () => parseRecord(record, known, named, rules) }))
    })
  )
  const checked = Stream.suspend(() => (columns === undefined ? Stream.fail(fault("Expected a header")) : Stream.empty))
  return Stream.concat(rows, checked)
}

export const readRows = <E>(
  body: Stream.Stream<Uint8Array, E>,
  options: RowOptions
): Stream.Stream<ReadonlyArray<NumberedRow>, InvalidInput> => (options.format === "ndjson" ? ofLines(body, options) : ofCsv(body, options))
