import { type Format, formatOfMediaType } from "../../domain/Format.ts"

interface MediaRange {
  readonly type: string
  readonly quality: number
}

/** The media ranges of an `Accept` header, the preferred ones first; those with `q=0` are left out. */
const parseAccept = (accept: string): ReadonlyArray<MediaRange> =>
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

/** The format that the parameter names, else the one that `Accept` prefers, else csv: clients of one binary type accept any. */
export const negotiateFormat = (format: Format | undefined, accept: string | null): Format => {
  if (format !== undefined) return format
  for (const { type } of parseAccept(accept ?? "*/*")) {
    const found = formatOfMediaType(type)
    if (found !== undefined) return found
    if (type === "application/*") return "json"
    if (type === "*/*" || type === "text/*") return "csv"
  }
  return "csv"
}
