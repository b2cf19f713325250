/** Finds where an interrupted export continues: after its last complete row. */
import { Effect, FileSystem, Option } from "effect"
import type { ResumableFormat } from "../domain/Format.ts"

export interface ResumePosition {
  readonly bytes: number
  /** The index of the key whose rows were being written. */
  readonly keyIndex: number
  /** The timestamp of its last row; undefined if it has none yet. */
  readonly lastTs: number | undefined
}

const start: ResumePosition = { bytes: 0, keyIndex: 0, lastTs: undefined }
/** How many bytes at the end of the file are searched for the last complete row. */
const tailBytes = 4 * 1024 * 1024

const newline = 10

const parseRow = (text: string, format: ResumableFormat): readonly [ts: number, key: string] | undefined => {
  try {
    if (format === "jsonl") {
      const { key, ts } = JSON.parse(text) as { readonly ts: number; readonly key: string }
      return [ts, key]
    }
    const [ts = "", key = ""] = firstCsvCells(text)
    return /^\d+$/.test(ts) ? [Number(ts), key] : undefined
  } catch {
    return undefined
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

/** The last complete row, and where it ends. Rows with keys that were not requested are skipped: they belong to another export. */
export const findLastCompleteRow = (tail: Buffer, format: ResumableFormat, keys: ReadonlyArray<string>) => {
  const starts: Array<number> = [0]
  for (let i = 0; i < tail.length; i++) if (tail[i] === newline) starts.push(i + 1)
  // The last start is that of the incomplete row, or the end of the file.
  for (let i = starts.length - 2; i >= 0; i--) {
    const row = parseRow(
      tail
        .subarray(starts[i], starts[i + 1])
        .toString()
        .trimEnd(),
      format
    )
    if (row === undefined) continue
    const keyIndex = keys.indexOf(row[1].replace(/^'(?=[=+\-@\t\r\n])/, ""))
    if (keyIndex >= 0) return Option.some({ end: starts[i]!, keyIndex, ts: row[0], next: starts[i + 1]! })
  }
  return Option.none()
}

/** Truncates the partial file to its last complete row and returns that position. A file without such a row is deleted. */
export const findResumePosition = Effect.fnUntraced(function* (partFile: string, format: ResumableFormat, keys: ReadonlyArray<string>) {
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(partFile))) return start
  const size = Number((yield* files.stat(partFile)).size)
  const skipped = Math.max(0, size - tailBytes)
  const tail = yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* files.open(partFile)
      yield* file.seek(BigInt(skipped), "start")
      return Buffer.from(Option.getOrElse(yield* file.readAlloc(tailBytes), () => new Uint8Array(0)))
    })
  )
  const found = findLastCompleteRow(tail, format, keys)
  if (Option.isNone(found)) {
    yield* files.remove(partFile)
    return start
  }
  // The row itself is fetched again: it may have been cut at a line break inside a value.
  const { end, keyIndex, ts } = found.value
  yield* files.truncate(partFile, skipped + end)
  return { bytes: skipped + end, keyIndex, lastTs: ts - 1 } satisfies ResumePosition
})
