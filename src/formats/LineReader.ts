export interface Line {
  /** The line number, from 1. */
  readonly line: number
  /** Undefined if the line is too long. */
  readonly text: string | undefined
}

/** Splits text that arrives in chunks into lines, in bounded memory. Blank lines are counted but not returned. */
export class LineReader {
  private rest = ""
  private line = 1
  private isTooLong = false

  constructor(private readonly maxCharacters = 1024 * 1024) {}

  feed(chunk: string): ReadonlyArray<Line> {
    const lines: Array<Line> = []
    let from = 0
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", from)) {
      this.take(this.rest + chunk.slice(from, end), lines)
      this.rest = ""
      from = end + 1
    }
    this.rest += chunk.slice(from)
    if (this.rest.length > this.maxCharacters) {
      this.isTooLong = true
      this.rest = ""
    }
    return lines
  }

  end(): ReadonlyArray<Line> {
    const lines: Array<Line> = []
    this.take(this.rest, lines)
    this.rest = ""
    return lines
  }

  private take(text: string, into: Array<Line>) {
    if (this.isTooLong || text.length > this.maxCharacters) into.push({ line: this.line, text: undefined })
    else if (text.trim() !== "") into.push({ line: this.line, text })
    this.isTooLong = false
    this.line++
  }
}
