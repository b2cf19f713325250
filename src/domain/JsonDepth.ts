const [quote, backslash, openList, closeList, open, close] = [34, 92, 91, 93, 123, 125]

/**
 * Whether JSON nests objects and lists deeper than `most` levels. It only counts brackets outside of texts, in linear time and
 * without a stack, so that it can be asked before anything that recurses sees the bytes.
 */
export const isDeeperThan = (bytes: Uint8Array, most: number): boolean => {
  let depth = 0
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i]
    if (c === quote) {
      for (i++; i < bytes.length && bytes[i] !== quote; i++) if (bytes[i] === backslash) i++
    } else if (c === open || c === openList) {
      if (++depth > most) return true
    } else if (c === close || c === closeList) depth--
  }
  return false
}
