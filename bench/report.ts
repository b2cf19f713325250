/** Statistics, and tables in Markdown. */

/** `sorted` is ascending; `share` is between 0 and 1, where 1 gives the largest value. */
export const percentile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A figure, its target, and whether it reached the target. */
export interface Verdict {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly target: string
  readonly reached: boolean
  readonly note?: string
}

export const atMost = (what: string, value: number, limit: number, unit: string, note?: string): Verdict => ({
  what,
  value,
  unit,
  target: `<= ${Number(limit.toFixed(2))}`,
  reached: value <= limit,
  ...(note === undefined ? {} : { note })
})

export const atLeast = (what: string, value: number, limit: number, unit: string, note?: string): Verdict => ({
  ...atMost(what, value, limit, unit, note),
  target: `>= ${Number(limit.toFixed(2))}`,
  reached: value >= limit
})

export const figure = (value: number) =>
  Number.isNaN(value) ? "-" : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  const line = (row: ReadonlyArray<string>) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`
  return [line(head), rule, ...rows.map(line)].join("\n")
}

export const verdicts = (list: ReadonlyArray<Verdict>): string =>
  table(
    ["figure", "value", "target", "reached", "note"],
    list.map(({ what, value, unit, target, reached, note }) => [
      what,
      `${figure(value)} ${unit}`.trim(),
      target,
      reached ? "yes" : "NO",
      note ?? ""
    ])
  )
