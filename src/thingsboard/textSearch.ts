/** Compares one character of a part with one of the text; `_` matches any character. */
const matches = (expected: string, actual: string | undefined) => expected === actual || (expected === "_" && actual !== undefined)

const indexOf = (text: ReadonlyArray<string>, part: ReadonlyArray<string>, from: number): number => {
  for (let at = from; at + part.length <= text.length; at++) if (part.every((expected, i) => matches(expected, text[at + i]))) return at
  return -1
}

/**
 * Returns a function that says whether a text matches `text_search`, with ThingsBoard's rules: the search ignores case, and as in SQL's
 * LIKE `%` stands for any text and `_` for one character. The parts between the `%` are searched one after the other, so that no pattern
 * takes long.
 */
export const textSearch = (search: string): ((text: string) => boolean) => {
  const parts = search
    .toLowerCase()
    .split("%")
    .map((part) => Array.from(part))
  return (text) => {
    const characters = [...text.toLowerCase()]
    let from = 0
    for (const part of parts) {
      const at = indexOf(characters, part, from)
      if (at < 0) return false
      from = at + part.length
    }
    return true
  }
}
