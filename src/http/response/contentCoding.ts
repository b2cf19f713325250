import { type ContentCoding, contentCodings } from "../../platform/compression.ts"
import { parseQualityValues } from "./qualityValues.ts"

/** The coding that an `Accept-Encoding` header prefers; undefined for none. `identity` counts like any other, and `*` stands for all that are not named. */
export const negotiateCoding = (header: string | null): ContentCoding | undefined => {
  if (header === null) return undefined
  const named = parseQualityValues(header).filter(({ value }) => value !== "")
  const qualities = new Map(named.map(({ quality, value }) => [value === "x-gzip" ? "gzip" : value, quality]))
  let [best, bestQuality]: [ContentCoding | undefined, number] = [undefined, qualities.get("identity") ?? 0]
  for (const coding of contentCodings) {
    const quality = qualities.get(coding) ?? qualities.get("*") ?? 0
    if (quality > 0 && (quality > bestQuality || (best === undefined && quality >= bestQuality))) [best, bestQuality] = [coding, quality]
  }
  return best
}
