/** Files of the formats that go row by row, as a service would write them. */
import type { Device } from "../../src/formats/Rows.ts"
import type { RowWriter } from "../../src/formats/RowWriter.ts"
import { HistoryPage, scan } from "../../src/thingsboard/HistoryPage.ts"

const utf8 = new TextEncoder()

/** A page of history: tokens by key, with times 0, 1, 2 … */
export const pageOf = (tokensByKey: Record<string, ReadonlyArray<string>>, columns = new HistoryPage()): HistoryPage => {
  const series = Object.entries(tokensByKey).map(
    ([key, tokens]) => `${JSON.stringify(key)}:[${tokens.map((token, ts) => `{"ts":${ts},"value":${token}}`).join(",")}]`
  )
  return scan(utf8.encode(`{${series.join(",")}}`), columns)
}

export interface Part {
  readonly page: HistoryPage
  readonly device?: Device
}

/** The file's text. Each series comes in two pieces, as it would from two pages. */
export const written = (writer: RowWriter, ...parts: ReadonlyArray<Part>): string => {
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
