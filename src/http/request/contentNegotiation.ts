import { type Format, formatOfMediaType } from "../../domain/Format.ts"
import { parseQualityValues } from "../response/qualityValues.ts"

/** The media ranges of an `Accept` header, the preferred ones first; those with `q=0` are left out. */
const parseAccept = (accept: string) =>
  parseQualityValues(accept)
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality)

/** The format that the parameter names, else the one that `Accept` prefers, else csv: clients of one binary type accept any. */
export const negotiateFormat = (format: Format | undefined, accept: string | null): Format => {
  if (format !== undefined) return format
  for (const { value: type } of parseAccept(accept ?? "*/*")) {
    const found = formatOfMediaType(type)
    if (found !== undefined) return found
    if (type === "application/*") return "json"
    if (type === "*/*" || type === "text/*") return "csv"
  }
  return "csv"
}
