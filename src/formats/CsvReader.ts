/**
 * Reads RFC 4180 records from text that arrives in chunks. The reader in `effect/encoding` does not distinguish `""` from an empty cell
 * or "5" from 5, and stops at the first malformed record; this one continues with the next line.
 */
import { detectDelimiter } from "./delimiters.ts"

export interface CsvRecord {
  /** The line where the record begins, from 1. */
  readonly line: number
  readonly cells: ReadonlyArray<string>
  /** Indexes of the cells that were in quotes. */
  readonly quoted: ReadonlySet<number>
  /** Why the record is malformed. */
  readonly syntaxError?: string
}

const [quote, carriageReturn, lineFeed] = [34, 13, 10]
const none: ReadonlySet<number> = new Set()

/** Returned while the end of the record has not arrived. */
const incomplete = -1

/** As many as spreadsheets have columns. To check a row with many more would take longer than a turn of the event loop may last. */
export const maxCells = 16_384

/** Of `sep=;` and the end of its line. */
const maxSeparatorLine = 7

/** Up to this many characters, reading an incomplete record again costs nothing. */
const maxCheapRetry = 4096

const countLines = (text: string) => text.match(/\r\n|\r|\n/g)?.length ?? 0

export class CsvReader {
  private rest = ""
  /**
   * Characters that must have arrived before an incomplete record is read again: twice as many as at the last attempt, so that the total
   * work stays linear.
   */
  private minLength = 0
  private line = 1
  private delimiter = 0
  private hasGivenUp = false
  private cells: Array<string> = []
  private quoted: Set<number> | undefined
  private syntaxError: string | undefined

  /** A longer record is reported as malformed and ends the reading, since its most likely cause is a quote that is never closed. */
  constructor(
    private readonly maxCharacters = 1024 * 1024,
    private readonly findDelimiter: (firstLine: string) => string = detectDelimiter,
    private linesToSkip = 0
  ) {}

  /** The records that end in this chunk. Empty lines are not records. */
  feed(chunk: string): ReadonlyArray<CsvRecord> {
    if (this.hasGivenUp) return []
    const text = this.rest + chunk
    if (text.length >= this.minLength) return this.readAll(text, false)
    this.rest = text
    return []
  }

  /** The last record, if no newline follows it. */
  end(): ReadonlyArray<CsvRecord> {
    return this.hasGivenUp ? [] : this.readAll(this.rest, true)
  }

  private readAll(text: string, isLast: boolean): ReadonlyArray<CsvRecord> {
    const records: Array<CsvRecord> = []
    let from = 0
    if (this.delimiter === 0) {
      from = this.skipTo(text)
      const hasLine = /[\r\n]/.test(from === 0 ? text : text.slice(from)) && !this.endsInCarriageReturn(text)
      if (this.linesToSkip > 0) {
        this.rest = "" // the beginning of a line that is skipped
        return records
      }
      if (!isLast && !hasLine && text.length - from <= this.maxCharacters) {
        this.keepIncomplete(text.slice(from))
        return records
      }
      from = this.chooseDelimiter(text, from)
    }
    while (from < text.length) {
      const end = this.readRecord(text, from, isLast)
      if (end === incomplete) break
      const { cells, syntaxError } = this
      const isEmpty = cells.length === 1 && cells[0] === "" && this.quoted === undefined && syntaxError === undefined
      if (!isEmpty)
        records.push({ line: this.line, cells, quoted: this.quoted ?? none, ...(syntaxError === undefined ? {} : { syntaxError }) })
      this.line += this.quoted === undefined ? 1 : Math.max(1, countLines(text.slice(from, end)))
      from = end
    }
    this.keepIncomplete(text.slice(from))
    if (this.rest.length > this.maxCharacters) {
      this.hasGivenUp = true
      this.rest = ""
      const syntaxError = `longer than ${this.maxCharacters} characters, perhaps because a quote is not closed; the rest was not read`
      records.push({ line: this.line, cells: [], quoted: none, syntaxError })
    }
    return records
  }

  /** The first line might end with `\r\n`, of which only `\r` has arrived. */
  private endsInCarriageReturn(text: string) {
    return text.indexOf("\r") === text.length - 1
  }

  /** Skips the lines before the header; returns where the rest begins. */
  private skipTo(text: string): number {
    let from = 0
    while (this.linesToSkip > 0) {
      const end = text.indexOf("\n", from)
      if (end < 0) return from
      from = end + 1
      this.line++
      this.linesToSkip--
    }
    return from
  }

  /** A line `sep=;`, which Excel reads and some programs write, names the delimiter. Returns where the header begins. */
  private chooseDelimiter(text: string, from: number): number {
    const named = /^sep=(.)(?:\r\n|\r|\n|$)/i.exec(text.slice(from, from + maxSeparatorLine))
    if (named === null) {
      this.delimiter = this.findDelimiter(text.slice(from)).charCodeAt(0)
      return from
    }
    this.delimiter = named[1]!.charCodeAt(0)
    this.line++
    return from + named[0].length
  }

  private keepIncomplete(rest: string) {
    this.rest = rest
    this.minLength = rest.length > maxCheapRetry ? 2 * rest.length : 0
  }

  /** Reads one record into `cells` and returns the position of the next one. */
  private readRecord(text: string, from: number, isLast: boolean): number {
    this.cells = []
    this.quoted = undefined
    this.syntaxError = undefined
    for (let i = from; ; i++) {
      i = text.charCodeAt(i) === quote ? this.readQuotedCell(text, i, isLast) : this.readPlainCell(text, i)
      if (i === incomplete || (i >= text.length && !isLast)) return incomplete
      if (this.cells.length > maxCells) this.syntaxError ??= `more than ${maxCells} cells`
      if (this.syntaxError !== undefined) return this.findNextLine(text, i, isLast)
      const c = text.charCodeAt(i)
      if (c === this.delimiter) continue
      // A line feed may follow in the next chunk.
      if (c === carriageReturn && i + 1 === text.length && !isLast) return incomplete
      return c === carriageReturn && text.charCodeAt(i + 1) === lineFeed ? i + 2 : i + 1
    }
  }

  private readPlainCell(text: string, from: number): number {
    let i = from
    for (; i < text.length; i++) {
      const c = text.charCodeAt(i)
      if (c === this.delimiter || c === lineFeed || c === carriageReturn) break
      if (c === quote) this.syntaxError = "a quote inside an unquoted cell"
    }
    this.cells.push(text.slice(from, i))
    return i
  }

  private readQuotedCell(text: string, from: number, isLast: boolean): number {
    this.quoted ??= new Set()
    this.quoted.add(this.cells.length)
    let end = text.indexOf('"', from + 1)
    let isDoubled = false
    while (end >= 0 && text.charCodeAt(end + 1) === quote) {
      isDoubled = true
      end = text.indexOf('"', end + 2)
    }
    if (end < 0) {
      if (!isLast) return incomplete
      this.syntaxError = "an unclosed quote"
      return text.length
    }
    const inside = text.slice(from + 1, end)
    this.cells.push(isDoubled ? inside.replaceAll('""', '"') : inside)
    const c = text.charCodeAt(end + 1)
    const isEnd = end + 1 >= text.length || c === this.delimiter || c === lineFeed || c === carriageReturn
    if (!isEnd) this.syntaxError = "text after a closing quote"
    return end + 1
  }

  private findNextLine(text: string, from: number, isLast: boolean): number {
    const end = text.indexOf("\n", from)
    return end >= 0 ? end + 1 : isLast ? text.length : incomplete
  }
}
