/** A workbook for Excel, written while its rows come: a sheet a key, zipped sheet after sheet. */
import { Effect, Option, Stream } from "effect"
import { Zip } from "effect/encoding"
import { RowSource } from "./RowSource.ts"
import type { RowsOfSeries } from "./Rows.ts"
import { isSheetName, sheetNames } from "./sheetNames.ts"
import { utf8 } from "./tokens.ts"
import { escaped, XlsxRows } from "./XlsxRows.ts"
import { partsAfterSheets, partsBeforeSheets, sheetFrame, sheetPath, styles } from "./xlsxParts.ts"

export const xlsxFormat = {
  contentType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  fileExtension: "xlsx"
} as const

export interface XlsxOptions {
  /** With the columns `device_id` and `device_name`. */
  readonly devices?: boolean
  /** Rows a sheet holds, its heading included; then the key goes on in another sheet. Excel's own limit unless told otherwise. */
  readonly rowsPerSheet?: number
}

const excelRows = 1_048_576
/** Rows a turn: some two milliseconds of work, so that others are served in between. */
const chunkRows = 2000

const headings = (devices: boolean, value: string) => [
  ...(devices
    ? [
        { name: "device_id", width: 37 },
        { name: "device_name", width: 24 }
      ]
    : []),
  { name: "time (UTC)", width: 24 },
  { name: "ts", width: 15 },
  { name: value, width: 24 }
]

const frame = (key: string, devices: boolean) => {
  const columns = headings(devices, isSheetName(key) ? "value" : key)
  const { before, behind } = sheetFrame(columns.map(({ width }) => width))
  const cells = columns.map(
    ({ name }) => `<c s="${styles.heading}" t="inlineStr"><is><t xml:space="preserve">${escaped(name)}</t></is></c>`
  )
  return { before: utf8.encode(`${before}<row>${cells.join("")}</row>`), behind: utf8.encode(behind) }
}

/** Which sheet comes next: the keys asked for in their order, also those that no row came for; a key whose sheet is full once more. */
const sheetOrder = (keys: ReadonlyArray<string>) => {
  let next = 0
  return (keyOfRows: string | undefined): string | undefined => {
    const isToCome = keyOfRows === undefined || keys.includes(keyOfRows, next)
    return isToCome ? keys[next++] : keyOfRows
  }
}

const entries = Effect.fnUntraced(function* <E, R>(
  keys: ReadonlyArray<string>,
  pages: Stream.Stream<RowsOfSeries, E, R>,
  { devices = false, rowsPerSheet = excelRows }: XlsxOptions
) {
  const source = yield* RowSource.make(pages)
  const writer = new XlsxRows()
  const nextKey = sheetOrder(keys)
  const nameFor = sheetNames()
  const names: Array<string> = []

  const rowsOf = (key: string) =>
    Stream.paginate(1, (used: number) =>
      Effect.map(source.peek, (piece) => {
        if (piece === undefined || piece.series.key !== key || used === rowsPerSheet) return [[], Option.none<number>()] as const
        const count = Math.min(chunkRows, piece.series.to - piece.from, rowsPerSheet - used)
        const chunk = writer.rows(piece.rows, piece.from, piece.from + count, piece.device)
        source.take(count)
        return [[chunk], Option.some(used + count)] as const
      })
    )

  const sheet = (key: string) => {
    const { before, behind } = frame(key, devices)
    const path = sheetPath(names.push(nameFor(key)))
    return Zip.fileStream(path, Stream.succeed(before).pipe(Stream.concat(rowsOf(key)), Stream.concat(Stream.succeed(behind))))
  }

  /** One at a time: a sheet is begun when the one before it was written. */
  const sheets = Stream.paginate(undefined, () =>
    Effect.map(source.peek, (piece) => {
      // A workbook without any sheet is none.
      const key = nextKey(piece?.series.key) ?? (names.length === 0 ? "no data" : undefined)
      return key === undefined ? ([[], Option.none<undefined>()] as const) : ([[sheet(key)], Option.some(undefined)] as const)
    })
  )

  return Stream.fromIterable<Zip.ContentEntry | Zip.Entry<E, R>>(partsBeforeSheets).pipe(
    Stream.concat(sheets),
    Stream.concat(Stream.suspend(() => Stream.fromIterable(partsAfterSheets(names))))
  )
})

/**
 * The bytes of a workbook: a sheet for each of `keys` in that order, with the time as a date (UTC), `ts` and the value. Numbers that
 * Excel would round are text; text is never run as a formula; a value column is headed by the key where the sheet cannot bear its name.
 *
 * All rows of a key come together, keys in the order of `keys`; a key that comes again gets another sheet.
 */
export const xlsx = <E, R>(
  keys: ReadonlyArray<string>,
  pages: Stream.Stream<RowsOfSeries, E, R>,
  options: XlsxOptions = {}
): Stream.Stream<Uint8Array, E, R> =>
  Stream.unwrap(entries(keys, pages, options)).pipe(
    Stream.pipeThroughChannel(Zip.encode()),
    // Paths are ours and sizes are not declared: nothing in them can be wrong.
    Stream.catchIf(Zip.isZipError, (error) => Stream.die(error))
  )
