export interface Line {
  /** From 1. */
  readonly line: number
  /** None when the line is too long. */
  readonly text: string | undefined
}

/** Lines of text that comes in pieces, in bounded memory; blank lines are counted, but left out. */
export class LineReader {
  private rest = ""
  private line = 1
  private isTooLong = false
  private readonly mostCharacters: number

  constructor(maxCharacters = 1024 * 1024) {
    this.mostCharacters = maxCharacters
  }

  feed(piece: string): ReadonlyArray<Line> {
    const lines: Array<Line> = []
    let from = 0
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", from)) {
      this.take(this.rest + piece.slice(from, end), lines)
      this.rest = ""
      from = end + 1
    }
    this.rest += piece.slice(from)
    if (this.rest.length > this.mostCharacters) {
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
    if (this.isTooLong || text.length > this.mostCharacters) into.push({ line: this.line, text: undefined })
    else if (text.trim() !== "") into.push({ line: this.line, text })
    this.isTooLong = false
    this.line++
  }
}
