/** What PostgreSQL, and Java on the way to it, make of unusual input (recorded in `edges.json`). */

/**
 * The last millisecond of the year 9999. ThingsBoard names a partition of the points after the year and month of their time, and fails
 * from the year 10000 on, whose name has a sign.
 */
export const maxStoredTime = 253_402_300_799_999

/** Whether the text contains U+0000. PostgreSQL has no such character, so every statement with one fails. */
export const hasNull = (text: string): boolean => text.includes("\0")

const loneSurrogates = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g

/** Java encodes half of a surrogate pair as a question mark. */
export const encodeLikeJava = (text: string): string => (text.isWellFormed() ? text : text.replaceAll(loneSurrogates, "?"))

/** ThingsBoard removes U+0000 from the text values of time series, but not from attributes, which it reads from its cache. */
export const removeNulls = (text: string): string => text.replaceAll("\0", "")

type Token = "anything" | "one character" | { readonly literal: string }

const parsePattern = (pattern: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  const characters = Array.from(pattern.toLowerCase())
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!
    if (character === "%") tokens.push("anything")
    else if (character === "_") tokens.push("one character")
    else tokens.push({ literal: character === "\\" ? (characters[++i] ?? character) : character })
  }
  return tokens
}

/**
 * PostgreSQL's ILIKE: `%` is any text, `_` one character, and a backslash makes the next character literal. After a mismatch only the
 * last `%` is tried again, so that no pattern takes long.
 */
export const ilike = (pattern: string): ((text: string) => boolean) => {
  const tokens = parsePattern(pattern)
  return (text) => {
    const characters = Array.from(text.toLowerCase())
    let [at, next, retryAt, retryNext] = [0, 0, 0, -1]
    while (at < characters.length) {
      const token = tokens[next]
      if (token === "anything") {
        retryNext = ++next
        retryAt = at
      } else if (token !== undefined && (token === "one character" || token.literal === characters[at])) {
        at++
        next++
      } else if (retryNext >= 0) {
        next = retryNext
        at = ++retryAt
      } else return false
    }
    return tokens.slice(next).every((token) => token === "anything")
  }
}
