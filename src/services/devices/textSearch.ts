/** One character of a part; `_` stands for any. */
const fits = (wanted: string, found: string | undefined) => wanted === found || (wanted === "_" && found !== undefined)

const indexOf = (text: ReadonlyArray<string>, part: ReadonlyArray<string>, from: number): number => {
  for (let at = from; at + part.length <= text.length; at++) if (part.every((wanted, i) => fits(wanted, text[at + i]))) return at
  return -1
}

/**
 * Whether a text holds what `text_search` asks for, as ThingsBoard finds it: upper and lower case are one, and as in SQL's LIKE `%` stands
 * for any text and `_` for one character. The parts between are looked for one after the other, so that no pattern takes long.
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
