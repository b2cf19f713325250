/** Reads the table of docs/failures.md: what is expected of each fault and kind of request. */
import { readFileSync } from "node:fs"

/** The columns, and the kinds of requests (`requests.ts`) that must all behave like that. */
export const columns: Readonly<Record<string, ReadonlyArray<string>>> = {
  reads: ["list", "latest", "attributes", "graph", "history"],
  exports: ["history stream", "export of many"],
  upload: ["upload"],
  queued: ["queued"],
  bulk: ["bulk"],
  import: ["import"],
  "attribute write": ["attribute write"]
}

export interface Cell {
  readonly response: string
  /** Calls to ThingsBoard. */
  readonly calls: readonly [min: number, max: number]
}

const parseCell = (text: string): Cell => {
  const [, response, min, max, more] = /^(.+) \((\d+)(?:–(\d+)|(\+))?\)$/.exec(text) ?? []
  if (response === undefined) throw new Error(`Not a cell of the table: ${text}`)
  return { response, calls: [Number(min), more === undefined ? Number(max ?? min) : Number.POSITIVE_INFINITY] }
}

/** Whether a response is the expected one, in which seconds can be a range. */
export const isExpected = (expected: string, response: string): boolean => {
  const range = /(\d+)–(\d+) s/.exec(expected)
  if (range === null) return response === expected
  const [text, min, max] = range
  const seconds = Number(/again in (\d+) s/.exec(response)?.[1])
  return seconds >= Number(min) && seconds <= Number(max) && response === expected.replace(text, `${seconds} s`)
}

const cellsOf = (line: string) =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim())

const readTable = () => {
  const lines = readFileSync(new URL("../../docs/failures.md", import.meta.url), "utf8").split("\n")
  const [header = "", , ...rows] = lines.filter((line) => line.startsWith("|"))
  const [, ...names] = cellsOf(header)
  const parsed = rows.map((row) => {
    const [fault = "", ...cells] = cellsOf(row)
    const byKind = names.flatMap((name, i) => columns[name]!.map((kind) => [kind, parseCell(cells[i]!)] as const))
    return [fault, new Map(byKind)] as const
  })
  return { names, rows: new Map(parsed) }
}

export const table = readTable()
