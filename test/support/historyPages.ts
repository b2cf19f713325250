/** Makes pages of history, and files from them as the export service does. */
import { Effect, Option, Stream } from "effect"
import type { Device, RowBatch } from "../../src/formats/Rows.ts"
import type { RowWriter } from "../../src/formats/RowWriter.ts"
import { HistoryPage, scan } from "../../src/thingsboard/responses/HistoryPage.ts"

const utf8 = new TextEncoder()

/** A page of history from JSON values by key, with the timestamps 0, 1, 2 … */
export const makePage = (tokensByKey: Record<string, ReadonlyArray<string>>, columns = new HistoryPage()): HistoryPage => {
  const series = Object.entries(tokensByKey).map(
    ([key, tokens]) => `${JSON.stringify(key)}:[${tokens.map((token, ts) => `{"ts":${ts},"value":${token}}`).join(",")}]`
  )
  return scan(utf8.encode(`{${series.join(",")}}`), columns)
}

export interface FilePart {
  readonly page: HistoryPage
  readonly device?: Device
}

/** The text of the file. Each series is written in two halves, as if it came from two pages. */
export const renderFile = (writer: RowWriter, ...parts: ReadonlyArray<FilePart>): string => {
  const chunks: Array<Uint8Array> = [writer.head()]
  for (const { device, page } of parts) {
    if (page.series.length === 0) chunks.push(writer.rows(page, { key: "", from: 0, to: 0 }, device))
    for (const { from, key, to } of page.series) {
      const half = (from + to) >> 1
      chunks.push(writer.rows(page, { key, from, to: half }, device), writer.rows(page, { key, from: half, to }, device))
    }
  }
  return Buffer.concat([...chunks, writer.tail()]).toString("utf8")
}

/** Pages of each part, one key after another. All are scanned into the same columns, as the service does. */
export const makePages = (
  ...parts: ReadonlyArray<{ readonly tokens: Record<string, ReadonlyArray<string>>; readonly firstTs?: number; readonly device?: Device }>
): Stream.Stream<RowBatch> => {
  const columns = new HistoryPage()
  const series = parts.flatMap(({ device, firstTs = 0, tokens }) =>
    Object.entries(tokens).map(([key, values]) => ({ device, firstTs, key, values }))
  )
  return Stream.paginate(0, (i) =>
    Effect.sync(() => {
      const part = series[i]
      if (part === undefined) return [[], Option.none<number>()] as const
      const points = part.values.map((token, k) => `{"ts":${part.firstTs + k},"value":${token}}`)
      const rows = scan(utf8.encode(`{${JSON.stringify(part.key)}:[${points.join(",")}]}`), columns)
      return [rows.series.map((series): RowBatch => ({ rows, series, device: part.device })), Option.some(i + 1)] as const
    })
  )
}

/** An endless stream of pages of 2,000 rows, with a count of the pages pulled. */
export const makeEndlessPages = () => {
  const seen = { pages: 0, closed: false }
  const page = makePage({ k: Array.from({ length: 2000 }, (_, i) => String(i * Math.PI)) })
  const pages = Stream.forever(
    Stream.fromEffect(
      Effect.sync((): RowBatch => {
        seen.pages++
        return { rows: page, series: page.series[0]! }
      })
    )
  ).pipe(Stream.ensuring(Effect.sync(() => void (seen.closed = true))))
  return { pages, seen }
}

/** Waits until the count has stayed the same for 300 ms, and returns it. */
export const waitUntilStable = async (count: () => number): Promise<number> => {
  for (let unchanged = 0, last = count(); ; last = count()) {
    await Bun.sleep(10)
    unchanged = count() === last ? unchanged + 1 : 0
    if (unchanged === 30) return last
  }
}
