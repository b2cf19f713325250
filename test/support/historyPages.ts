/** Pages of history, and files made of them as a service makes them. */
import { Effect, Option, Stream } from "effect"
import type { Device, RowBatch } from "../../src/formats/Rows.ts"
import type { RowWriter } from "../../src/formats/RowWriter.ts"
import { HistoryPage, scan } from "../../src/thingsboard/responses/HistoryPage.ts"

const utf8 = new TextEncoder()

/** A page of history: tokens by key, with times 0, 1, 2 … */
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

/** The file's text. Each series comes in two pieces, as it would from two pages. */
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

/** The pages of each part, one key after the other, all scanned into the same columns as a service does it. */
export const makePages = (
  ...parts: ReadonlyArray<{ readonly tokens: Record<string, ReadonlyArray<string>>; readonly firstTs?: number; readonly device?: Device }>
): Stream.Stream<RowBatch> => {
  const columns = new HistoryPage()
  const asked = parts.flatMap(({ device, firstTs = 0, tokens }) =>
    Object.entries(tokens).map(([key, values]) => ({ device, firstTs, key, values }))
  )
  return Stream.paginate(0, (i) =>
    Effect.sync(() => {
      const part = asked[i]
      if (part === undefined) return [[], Option.none<number>()] as const
      const points = part.values.map((token, k) => `{"ts":${part.firstTs + k},"value":${token}}`)
      const rows = scan(utf8.encode(`{${JSON.stringify(part.key)}:[${points.join(",")}]}`), columns)
      return [rows.series.map((series): RowBatch => ({ rows, series, device: part.device })), Option.some(i + 1)] as const
    })
  )
}

/** Pages of 2,000 rows that never end, and how many were pulled. */
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

/** A count that has stopped growing for a while. */
export const waitUntilStable = async (count: () => number): Promise<number> => {
  for (let same = 0, last = count(); ; last = count()) {
    await Bun.sleep(10)
    same = count() === last ? same + 1 : 0
    if (same === 10) return last
  }
}
