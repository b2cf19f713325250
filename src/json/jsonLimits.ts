const [quote, backslash, comma, openList, closeList, open, close] = [34, 92, 44, 91, 93, 123, 125]

/** The limit that JSON exceeds. */
export type Excess = "levels" | "parts"

/**
 * Whether JSON nests objects and arrays deeper than `maxDepth`, or has more than `maxParts` fields and elements in all. It only counts
 * brackets and commas outside of strings, in linear time and without a stack, so that it can run before a parser that recurses, or that
 * allocates an object per part, sees the bytes.
 */
export const findExcess = (bytes: Uint8Array, maxDepth: number, maxParts = Number.POSITIVE_INFINITY): Excess | undefined => {
  let depth = 0
  let parts = 0
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i]
    if (c === quote) {
      for (i++; i < bytes.length && bytes[i] !== quote; i++) if (bytes[i] === backslash) i++
    } else if (c === open || c === openList) {
      if (++depth > maxDepth || ++parts > maxParts) return depth > maxDepth ? "levels" : "parts"
    } else if (c === comma) {
      if (++parts > maxParts) return "parts"
    } else if (c === close || c === closeList) depth--
  }
  return undefined
}

export const isDeeperThan = (bytes: Uint8Array, maxDepth: number): boolean => findExcess(bytes, maxDepth) !== undefined
