/** The rows of a body, one after the other, each with its line; what they say is read by who takes them. */
import { Effect, Stream } from "effect"
import { Csv } from "effect/encoding"
import { InvalidInput } from "../domain/Errors.ts"
import { bytesWentBy } from "../platform/Memory.ts"
import type { ImportReport } from "./ImportReport.ts"
import { type Columns, columnsOf, type Row, rowOfCells, rowOfLine, type RowOptions } from "./ImportRow.ts"

export interface ReadingOptions extends RowOptions {
  readonly format: "csv" | "ndjson"
  /** The device that all rows are of; when undefined each row names its own. */
  readonly deviceId: string | undefined
}

/** Characters of a CSV record at the most. */
const mostRecord = 1024 * 1024

export interface Numbered {
  readonly line: number
  readonly read: () => Row
}

const header = (issue: string) => new InvalidInput({ faults: [{ field: "body", issue }] })

/** The body broke off or was no text: what was stored stays stored. */
const unreadable = () => header("Expected a whole body of UTF-8 text")

/** A row becomes several objects of about its size, some six times, before it is written. */
const garbageOfByte = 6

const collected = <E>(body: Stream.Stream<Uint8Array, E>) =>
  Stream.map(body, (part) => {
    bytesWentBy(garbageOfByte * part.length)
    return part
  })

export const numbered = (
  body: Stream.Stream<Uint8Array, unknown>,
  options: ReadingOptions,
  report: ImportReport
): Stream.Stream<Numbered, InvalidInput> =>
  options.format === "ndjson" ? linesOf(collected(body), options) : recordsOf(collected(body), options, report)

const linesOf = (body: Stream.Stream<Uint8Array, unknown>, options: ReadingOptions) => {
  let line = 0
  const named = options.deviceId === undefined
  return Stream.mapError(body, unreadable).pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.map((text): Numbered & { readonly blank: boolean } => {
      const at = ++line
      return { line: at, blank: text.trim() === "", read: () => rowOfLine(text, named, options) }
    }),
    Stream.filter(({ blank }) => !blank)
  )
}

const newlines = (cells: ReadonlyArray<string>) =>
  cells.reduce((sum, cell) => sum + (cell.includes("\n") ? cell.split("\n").length - 1 : 0), 0)

const recordsOf = (
  body: Stream.Stream<Uint8Array, unknown>,
  options: ReadingOptions,
  report: ImportReport
): Stream.Stream<Numbered, InvalidInput> => {
  let line = 1
  let columns: Columns | undefined
  const named = options.deviceId === undefined
  return Stream.mapError(body, unreadable).pipe(
    Stream.pipeThroughChannelOrFail(Csv.decode<InvalidInput>({ maxRecordSize: mostRecord, ignoreEmptyLines: false })),
    Stream.catchTag("CsvError", (error) => {
      // What follows a broken record cannot be told apart from it: the rest is not read.
      if (columns === undefined) return Stream.fail(header(`Expected a header, then CSV: ${error.message}`))
      report.refuse(error.line, "broken CSV; nothing behind it was read")
      return Stream.empty
    }),
    Stream.mapEffect((cells) => {
      const at = line
      line += 1 + newlines(cells)
      if (cells.length === 1 && cells[0]!.trim() === "") return Effect.void
      if (columns !== undefined) {
        const known = columns
        return Effect.succeed<Numbered>({ line: at, read: () => rowOfCells(cells, known, named, options) })
      }
      const found = columnsOf(cells, named)
      if (typeof found === "string") return Effect.fail(header(found))
      columns = found
      return Effect.void
    }),
    Stream.filter((row) => row !== undefined)
  )
}
