import type { Format } from "../../api/Parameters.ts"

const byMediaType: ReadonlyArray<readonly [mediaType: string, format: Format]> = [
  ["application/json", "json"],
  ["text/csv", "csv"],
  ["application/x-ndjson", "jsonl"],
  ["application/jsonl", "jsonl"],
  ["application/json-lines", "jsonl"],
  ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"],
  ["application/vnd.apache.parquet", "parquet"]
]

interface Wish {
  readonly type: string
  readonly quality: number
}

const wishes = (accept: string): ReadonlyArray<Wish> =>
  accept
    .split(",")
    .map((part) => {
      const [type = "", ...parameters] = part
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/)
      const q = parameters.find((parameter) => parameter.startsWith("q="))
      return { type, quality: q === undefined ? 1 : Number(q.slice(2)) || 0 }
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality)

/** The form that the parameter names, else the one that `Accept` likes best, else json. */
export const negotiateFormat = (format: Format | undefined, accept: string | null): Format => {
  if (format !== undefined) return format
  for (const { type } of wishes(accept ?? "*/*")) {
    const found = byMediaType.find(([mediaType]) => type === mediaType)
    if (found !== undefined) return found[1]
    if (type === "*/*" || type === "application/*") return "json"
    if (type === "text/*") return "csv"
  }
  return "json"
}
