import { type ContentCoding, contentCodings } from "../../platform/compression.ts"

/** The coding that an `Accept-Encoding` header prefers; undefined for none. `identity` counts like any other, and `*` stands for all that are not named. */
export const negotiateCoding = (header: string | null): ContentCoding | undefined => {
  if (header === null) return undefined
  const qualities = new Map<string, number>()
  for (const part of header.split(",")) {
    const [name = "", ...parameters] = part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/)
    const q = parameters.find((parameter) => parameter.startsWith("q="))
    if (name !== "") qualities.set(name === "x-gzip" ? "gzip" : name, q === undefined ? 1 : Number(q.slice(2)) || 0)
  }
  let [best, bestQuality]: [ContentCoding | undefined, number] = [undefined, qualities.get("identity") ?? 0]
  for (const coding of contentCodings) {
    const quality = qualities.get(coding) ?? qualities.get("*") ?? 0
    if (quality > 0 && (quality > bestQuality || (best === undefined && quality >= bestQuality))) [best, bestQuality] = [coding, quality]
  }
  return best
}
