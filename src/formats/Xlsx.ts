/** Excel workbooks, written while the rows arrive: one sheet after the other into a zip file. */
import { Effect, Option, Stream } from "effect"
import { Zip } from "effect/encoding"
import { type RemainingRows, RowSource } from "./RowSource.ts"
import type { RowBatch } from "./Rows.ts"
import { isValidSheetName, sheetNames } from "./sheetNames.ts"
import { utf8 } from "./tokens.ts"
import { escapeXml, XlsxRows } from "./XlsxRows.ts"
import { partsAfterSheets, partsBeforeSheets, sheetFrame, sheetPath, styles } from "./xlsxParts.ts"

export interface XlsxOptions {
  /** Maximum rows per sheet, heading included; further rows go to another sheet. Defaults to Excel's limit. */
  readonly rowsPerSheet?: number
}

const maxExcelRows = 1_048_576
/** Rows per turn of the event loop: about two milliseconds of work, so that other requests are served in between. */
const maxChunkRows = 2000

/** The sheets of a workbook and their columns. */
interface Layout {
  /** Sheets that are in the workbook even without rows, in their order. */
  readonly sheets: ReadonlyArray<string>
  readonly sheetOf: (rows: RemainingRows) => string
  readonly columns: (sheet: string) => ReadonlyArray<{ readonly name: string; readonly width: number }>
  /** Texts in the cells before the time of each row. */
  readonly leading: (rows: RemainingRows) => ReadonlyArray<string>
}

const timeColumns = [
  { name: "time (UTC)", width: 24 },
  { name: "ts", width: 15 }
]

const oneSheetPerKey = (keys: ReadonlyArray<string>): Layout => ({
  // A workbook needs at least one sheet.
  sheets: keys.length === 0 ? ["no data"] : keys,
  sheetOf: ({ series }) => series.key,
  columns: (key) => [...timeColumns, { name: isValidSheetName(key) ? "value" : key, width: 24 }],
  leading: () => []
})

const oneTable: Layout = {
  sheets: ["telemetry"],
  sheetOf: () => "telemetry",
  columns: () => [
    { name: "device_id", width: 37 },
    { name: "device_name", width: 24 },
    { name: "key", width: 18 },
    ...timeColumns,
    { name: "value", width: 24 }
  ],
  leading: ({ device, series }) => [device?.id ?? "", device?.name ?? "", series.key]
}

const makeFrame = (columns: ReturnType<Layout["columns"]>) => {
  const { before, after } = sheetFrame(columns.map(({ width }) => width))
  const cells = columns.map(
    ({ name }) => `<c s="${styles.heading}" t="inlineStr"><is><t xml:space="preserve">${escapeXml(name)}</t></is></c>`
  )
  return { before: utf8.encode(`${before}<row>${cells.join("")}</row>`), after: utf8.encode(after) }
}

/**
 * Returns the sheet to write next, given the sheet of the next rows: the listed sheets in their order, even if they have no rows, and
 * the sheet of the rows again if it was already written and is full.
 */
const makeSheetOrder = (sheets: ReadonlyArray<string>) => {
  let next = 0
  return (sheetOfRows: string | undefined): string | undefined => {
    const isListed = sheetOfRows === undefined || sheets.includes(sheetOfRows, next)
    return isListed ? sheets[next++] : sheetOfRows
  }
}

const makeEntries = Effect.fnUntraced(function* <E, R>(
  layout: Layout,
  batches: Stream.Stream<RowBatch, E, R>,
  { rowsPerSheet = maxExcelRows }: XlsxOptions
) {
  const source = yield* RowSource.make(batches)
  const writer = new XlsxRows()
  const nextSheet = makeSheetOrder(layout.sheets)
  const nameFor = sheetNames()
  const names: Array<string> = []

  const writeRows = (sheetName: string) =>
    Stream.paginate(1, (used: number) =>
      Effect.map(source.peek, (rows) => {
        if (rows === undefined || layout.sheetOf(rows) !== sheetName || used === rowsPerSheet) return [[], Option.none<number>()] as const
        const count = Math.min(maxChunkRows, rows.series.to - rows.from, rowsPerSheet - used)
        const chunk = writer.rows(rows.rows, rows.from, rows.from + count, layout.leading(rows))
        source.consume(count)
        return [[chunk], Option.some(used + count)] as const
      })
    )

  const writeSheet = (sheetName: string) => {
    const { before, after } = makeFrame(layout.columns(sheetName))
    const path = sheetPath(names.push(nameFor(sheetName)))
    return Zip.fileStream(path, Stream.succeed(before).pipe(Stream.concat(writeRows(sheetName)), Stream.concat(Stream.succeed(after))))
  }

  /** One at a time: a sheet begins when the previous one has been written. */
  const sheets = Stream.paginate(undefined, () =>
    Effect.map(source.peek, (rows) => {
      const next = nextSheet(rows === undefined ? undefined : layout.sheetOf(rows))
      return next === undefined ? ([[], Option.none<undefined>()] as const) : ([[writeSheet(next)], Option.some(undefined)] as const)
    })
  )

  return Stream.fromIterable<Zip.ContentEntry | Zip.Entry<E, R>>(partsBeforeSheets).pipe(
    Stream.concat(sheets),
    Stream.concat(Stream.suspend(() => Stream.fromIterable(partsAfterSheets(names))))
  )
})

const writeWorkbook = <E, R>(
  layout: Layout,
  batches: Stream.Stream<RowBatch, E, R>,
  options: XlsxOptions
): Stream.Stream<Uint8Array, E, R> =>
  Stream.unwrap(makeEntries(layout, batches, options)).pipe(
    Stream.pipeThroughChannel(Zip.encode()),
    // Cannot happen: the paths are constants, and no sizes are declared.
    Stream.catchIf(Zip.isZipError, (error) => Stream.die(error))
  )

/**
 * A workbook with one sheet per key, in the order of `keys`, with the time as a date (UTC), `ts` and the value. Numbers that Excel would
 * round are written as text; text is never run as a formula. If a key cannot be the name of a sheet, it is the heading of the value column.
 *
 * All rows of a key must come together, and keys in the order of `keys`; a key that comes again gets another sheet.
 */
export const xlsx = <E, R>(
  keys: ReadonlyArray<string>,
  batches: Stream.Stream<RowBatch, E, R>,
  options: XlsxOptions = {}
): Stream.Stream<Uint8Array, E, R> => writeWorkbook(oneSheetPerKey(keys), batches, options)

/** A workbook for several devices: one table, with `device_id`, `device_name` and `key` before the columns of `xlsx`. Rows may come in any order. */
export const xlsxOfDevices = <E, R>(batches: Stream.Stream<RowBatch, E, R>, options: XlsxOptions = {}): Stream.Stream<Uint8Array, E, R> =>
  writeWorkbook(oneTable, batches, options)
