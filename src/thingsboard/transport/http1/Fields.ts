/** The fields of a response: its head without the status line. They are looked for in the text, since most of them are never asked for. */

const isBlank = (code: number) => code === 0x20 || code === 0x09

/** Without blanks around it. Not a regular expression, since many blanks within a value would make it slow. */
export const trimBlanks = (text: string): string => {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

export class Fields {
  /** Has the same length: the text is Latin-1. */
  private readonly lower: string

  /** `text`: lines that begin, and do not end, with CRLF. */
  constructor(private readonly text: string) {
    this.lower = text.toLowerCase()
  }

  /** By lower-case name. The values of a repeated field are joined with `, `. */
  get(name: string): string | undefined {
    let value: string | undefined
    const start = `\r\n${name}:`
    for (let at = this.lower.indexOf(start); at !== -1; at = this.lower.indexOf(start, at + 1)) {
      const from = at + start.length
      const end = this.text.indexOf("\r\n", from)
      const one = trimBlanks(this.text.slice(from, end === -1 ? undefined : end))
      value = value === undefined ? one : `${value}, ${one}`
    }
    return value
  }

  /** How often it occurs, up to 2. */
  count(name: string): number {
    const start = `\r\n${name}:`
    const first = this.lower.indexOf(start)
    if (first === -1) return 0
    return this.lower.includes(start, first + 1) ? 2 : 1
  }
}
