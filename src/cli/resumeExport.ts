/** Where an export that was cut off goes on: behind its last whole row. */
import { Effect, FileSystem, Option } from "effect"
import type { ResumableFormat } from "../domain/Format.ts"

export interface ResumePosition {
  readonly bytes: number
  /** The key whose rows were being written. */
  readonly keyIndex: number
  /** The time of its last row; none when it has no row yet. */
  readonly lastTs: number | undefined
}

const beginning: ResumePosition = { bytes: 0, keyIndex: 0, lastTs: undefined }
/** Bytes that the last rows are looked for in. */
const tailBytes = 4 * 1024 * 1024

const newline = 10

const rowOf = (text: string, format: ResumableFormat): readonly [ts: number, key: string] | undefined => {
  try {
    if (format === "jsonl") {
      const { key, ts } = JSON.parse(text) as { readonly ts: number; readonly key: string }
      return [ts, key]
    }
    const [ts = "", key = ""] = csvCells(text)
    return /^\d+$/.test(ts) ? [Number(ts), key] : undefined
  } catch {
    return undefined
  }
}

/** A key may have commas and quotes; a value may have line ends, so the row is read from its beginning. */
const csvCells = (text: string): ReadonlyArray<string> => {
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

/** The last row that is whole, and where it ends. Rows of other keys than those asked for mean that the file is another's. */
export const findLastCompleteRow = (tail: Buffer, format: ResumableFormat, keys: ReadonlyArray<string>) => {
  const starts: Array<number> = [0]
  for (let i = 0; i < tail.length; i++) if (tail[i] === newline) starts.push(i + 1)
  // The last start is where the broken row begins, or the end of the file.
  for (let i = starts.length - 2; i >= 0; i--) {
    const row = rowOf(
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

/** Cuts the part back to its last whole row and tells where that is; a part that is not understood is begun anew. */
export const findResumePosition = Effect.fnUntraced(function* (part: string, format: ResumableFormat, keys: ReadonlyArray<string>) {
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(part))) return beginning
  const size = Number((yield* files.stat(part)).size)
  const skipped = Math.max(0, size - tailBytes)
  const tail = yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* files.open(part)
      yield* file.seek(BigInt(skipped), "start")
      return Buffer.from(Option.getOrElse(yield* file.readAlloc(tailBytes), () => new Uint8Array(0)))
    })
  )
  const found = findLastCompleteRow(tail, format, keys)
  if (Option.isNone(found)) {
    yield* files.remove(part)
    return beginning
  }
  // The row itself is fetched again: a value with line ends may have been cut at one of them.
  const { end, keyIndex, ts } = found.value
  yield* files.truncate(part, skipped + end)
  return { bytes: skipped + end, keyIndex, lastTs: ts - 1 } satisfies ResumePosition
})
