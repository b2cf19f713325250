import { type IsTurnOver, never, runAtOnce, type Steps } from "../domain/Steps.ts"

const [quote, backslash, comma, openList, closeList, open, close] = [34, 92, 44, 91, 93, 123, 125]

/** The limit that JSON exceeds. */
export type Excess = "levels" | "parts"

/** Bytes between two looks at the clock. */
const bytesPerLook = 16 * 1024

/**
 * Whether JSON nests objects and arrays deeper than `maxDepth`, or has more than `maxParts` fields and elements in all. It only counts
 * brackets and commas outside of strings, in linear time and without a stack, so that it can run before a parser that recurses, or that
 * allocates an object per part, sees the bytes.
 */
export function* findExcessInSteps(
  bytes: Uint8Array,
  maxDepth: number,
  maxParts: number,
  isTurnOver: IsTurnOver
): Steps<Excess | undefined> {
  let depth = 0
  let parts = 0
  let nextLook = bytesPerLook
  let isInText = false
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i]
    if (isInText) {
      if (c === backslash) i++
      else if (c === quote) isInText = false
    } else if (c === quote) isInText = true
    else if (c === open || c === openList) {
      if (++depth > maxDepth || ++parts > maxParts) return depth > maxDepth ? "levels" : "parts"
    } else if (c === comma) {
      if (++parts > maxParts) return "parts"
    } else if (c === close || c === closeList) depth--
    if (i >= nextLook) {
      nextLook = i + bytesPerLook
      if (isTurnOver()) yield
    }
  }
  return undefined
}

export const findExcess = (bytes: Uint8Array, maxDepth: number, maxParts = Number.POSITIVE_INFINITY): Excess | undefined =>
  runAtOnce(findExcessInSteps(bytes, maxDepth, maxParts, never))

export const isDeeperThan = (bytes: Uint8Array, maxDepth: number): boolean => findExcess(bytes, maxDepth) !== undefined
