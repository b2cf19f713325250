/** Finds where an interrupted export continues: after its last complete row. */
import { Effect, FileSystem, Stream } from "effect"
import type { ResumableFormat } from "../domain/Format.ts"

export interface ResumePosition {
  readonly bytes: number
  /** The index of the key whose rows were being written. */
  readonly keyIndex: number
  /** The timestamp of its last row; undefined if it has none yet. */
  readonly lastTs: number | undefined
}

const beginning: ResumePosition = { bytes: 0, keyIndex: 0, lastTs: undefined }

const [newline, quote] = [10, 34]

/** Only the first two cells of a row are needed: a timestamp and a key. */
const maxRowStart = 16 * 1024

/**
 * Follows the rows of a file chunk by chunk. In CSV, a line break between quotes belongs to a value, which may look like a row itself, so
 * quotes are counted from the beginning of the file. Escaped quotes come in pairs and do not change the count's parity.
 */
export class RowFinder {
  private at = 0
  private start = 0
  private isQuoted = false
  /** Where the last complete row starts; undefined before the first. */
  lastRow: number | undefined

  constructor(private readonly format: ResumableFormat) {}

  read(chunk: Uint8Array) {
    for (const byte of chunk) {
      this.at++
      if (byte === quote && this.format === "csv") this.isQuoted = !this.isQuoted
      if (byte !== newline || this.isQuoted) continue
      this.lastRow = this.start
      this.start = this.at
    }
  }
}

/** The first two cells of a CSV row. Keys may contain commas and quotes. */
const firstCsvCells = (text: string): ReadonlyArray<string> => {
  const cells: Array<string> = []
  let at = 0
  while (at <= text.length && cells.length < 2) {
    if (text[at] === '"') {
      let end = at + 1
      while (end < text.length && !(text[end] === '"' && text[end + 1] !== '"')) end += text[end] === '"' ? 2 : 1
      cells.push(text.slice(at + 1, end).replaceAll('""', '"'))
      at = end + 2
    } else {
      const end = text.indexOf(",", at)
      cells.push(text.slice(at, end < 0 ? undefined : end))
      at = end < 0 ? text.length + 1 : end + 1
    }
  }
  return cells
}

const rowStart = /^\{"ts":(\d+),"key":("(?:[^"\\]|\\.)*")/

const parseRow = (text: string, format: ResumableFormat): readonly [ts: number, key: string] | undefined => {
  if (format === "jsonl") {
    const [, ts, key] = rowStart.exec(text) ?? []
    return ts === undefined || key === undefined ? undefined : [Number(ts), JSON.parse(key) as string]
  }
  const [ts = "", key = ""] = firstCsvCells(text)
  return /^\d+$/.test(ts) ? [Number(ts), key] : undefined
}

/**
 * Truncates the partial file to its last complete row and returns that position. The row itself is fetched again, so that a row that was
 * cut at a line break inside its value is completed. A file without a row of these keys belongs to another export, and is deleted.
 */
export const findResumePosition = Effect.fnUntraced(function* (partFile: string, format: ResumableFormat, keys: ReadonlyArray<string>) {
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(partFile))) return beginning
  const finder = new RowFinder(format)
  yield* Stream.runForEach(files.stream(partFile), (chunk) => Effect.sync(() => finder.read(chunk)))
  const at = finder.lastRow
  if (at !== undefined) {
    const start = yield* Stream.runFold(
      files.stream(partFile, { offset: at, bytesToRead: maxRowStart }),
      () => "",
      (text, chunk) => text + Buffer.from(chunk).toString()
    )
    const row = parseRow(start, format)
    const keyIndex = row === undefined ? -1 : keys.indexOf(row[1].replace(/^'(?=[=+\-@\t\r\n])/, ""))
    if (row !== undefined && keyIndex >= 0) {
      yield* files.truncate(partFile, at)
      return { bytes: at, keyIndex, lastTs: row[0] - 1 } satisfies ResumePosition
    }
  }
  yield* files.remove(partFile)
  return beginning
})
