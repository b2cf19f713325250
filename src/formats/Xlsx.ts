/** Workbooks for Excel, written while their rows come: zipped sheet after sheet. */
import { Effect, Option, Stream } from "effect"
import { Zip } from "effect/encoding"
import { type RemainingRows, RowSource } from "./RowSource.ts"
import type { RowBatch } from "./Rows.ts"
import { isValidSheetName, sheetNames } from "./sheetNames.ts"
import { utf8 } from "./tokens.ts"
import { escapeXml, XlsxRows } from "./XlsxRows.ts"
import { partsAfterSheets, partsBeforeSheets, sheetFrame, sheetPath, styles } from "./xlsxParts.ts"

export interface XlsxOptions {
  /** Rows a sheet holds, its heading included; what is more goes on in another sheet. Excel's own limit unless told otherwise. */
  readonly rowsPerSheet?: number
}

const excelRows = 1_048_576
/** Rows a turn: some two milliseconds of work, so that others are served in between. */
const chunkRows = 2000

/** What the sheets of a workbook are, and what stands in them. */
interface Layout {
  /** Sheets that are there in any case, in their order. */
  readonly sheets: ReadonlyArray<string>
  readonly sheetOf: (piece: RemainingRows) => string
  readonly columns: (sheet: string) => ReadonlyArray<{ readonly name: string; readonly width: number }>
  /** Texts that stand before the time of each row. */
  readonly leading: (piece: RemainingRows) => ReadonlyArray<string>
}

const timeColumns = [
  { name: "time (UTC)", width: 24 },
  { name: "ts", width: 15 }
]

const sheetOfEachKey = (keys: ReadonlyArray<string>): Layout => ({
  // A workbook without any sheet is none.
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

const frame = (columns: ReturnType<Layout["columns"]>) => {
  const { before, behind } = sheetFrame(columns.map(({ width }) => width))
  const cells = columns.map(
    ({ name }) => `<c s="${styles.heading}" t="inlineStr"><is><t xml:space="preserve">${escapeXml(name)}</t></is></c>`
  )
  return { before: utf8.encode(`${before}<row>${cells.join("")}</row>`), behind: utf8.encode(behind) }
}

/** Which sheet comes next: those of the list in their order, also when no row came for them; one that was full once more. */
const sheetOrder = (sheets: ReadonlyArray<string>) => {
  let next = 0
  return (sheetOfRows: string | undefined): string | undefined => {
    const isToCome = sheetOfRows === undefined || sheets.includes(sheetOfRows, next)
    return isToCome ? sheets[next++] : sheetOfRows
  }
}

const entries = Effect.fnUntraced(function* <E, R>(
  layout: Layout,
  pages: Stream.Stream<RowBatch, E, R>,
  { rowsPerSheet = excelRows }: XlsxOptions
) {
  const source = yield* RowSource.make(pages)
  const writer = new XlsxRows()
  const nextSheet = sheetOrder(layout.sheets)
  const nameFor = sheetNames()
  const names: Array<string> = []

  const rowsOf = (wanted: string) =>
    Stream.paginate(1, (used: number) =>
      Effect.map(source.peek, (piece) => {
        if (piece === undefined || layout.sheetOf(piece) !== wanted || used === rowsPerSheet) return [[], Option.none<number>()] as const
        const count = Math.min(chunkRows, piece.series.to - piece.from, rowsPerSheet - used)
        const chunk = writer.rows(piece.rows, piece.from, piece.from + count, layout.leading(piece))
        source.take(count)
        return [[chunk], Option.some(used + count)] as const
      })
    )

  const sheet = (wanted: string) => {
    const { before, behind } = frame(layout.columns(wanted))
    const path = sheetPath(names.push(nameFor(wanted)))
    return Zip.fileStream(path, Stream.succeed(before).pipe(Stream.concat(rowsOf(wanted)), Stream.concat(Stream.succeed(behind))))
  }

  /** One at a time: a sheet is begun when the one before it was written. */
  const sheets = Stream.paginate(undefined, () =>
    Effect.map(source.peek, (piece) => {
      const wanted = nextSheet(piece === undefined ? undefined : layout.sheetOf(piece))
      return wanted === undefined ? ([[], Option.none<undefined>()] as const) : ([[sheet(wanted)], Option.some(undefined)] as const)
    })
  )

  return Stream.fromIterable<Zip.ContentEntry | Zip.Entry<E, R>>(partsBeforeSheets).pipe(
    Stream.concat(sheets),
    Stream.concat(Stream.suspend(() => Stream.fromIterable(partsAfterSheets(names))))
  )
})

const workbook = <E, R>(layout: Layout, pages: Stream.Stream<RowBatch, E, R>, options: XlsxOptions): Stream.Stream<Uint8Array, E, R> =>
  Stream.unwrap(entries(layout, pages, options)).pipe(
    Stream.pipeThroughChannel(Zip.encode()),
    // Paths are ours and sizes are not declared: nothing in them can be wrong.
    Stream.catchIf(Zip.isZipError, (error) => Stream.die(error))
  )

/**
 * The bytes of a workbook: a sheet for each of `keys` in that order, with the time as a date (UTC), `ts` and the value. Numbers that
 * Excel would round are text; text is never run as a formula; a value column is headed by the key where the sheet cannot bear its name.
 *
 * All rows of a key come together, keys in the order of `keys`; a key that comes again gets another sheet.
 */
export const xlsx = <E, R>(
  keys: ReadonlyArray<string>,
  pages: Stream.Stream<RowBatch, E, R>,
  options: XlsxOptions = {}
): Stream.Stream<Uint8Array, E, R> => workbook(sheetOfEachKey(keys), pages, options)

/** The same for several devices, whose rows come in any order: one table, with `device_id`, `device_name` and `key` before the columns above. */
export const xlsxOfDevices = <E, R>(pages: Stream.Stream<RowBatch, E, R>, options: XlsxOptions = {}): Stream.Stream<Uint8Array, E, R> =>
  workbook(oneTable, pages, options)
