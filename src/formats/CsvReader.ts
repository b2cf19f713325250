/**
 * Reads RFC 4180 records from text that comes in pieces. `effect/encoding` has a reader as well, but it does not tell `""` from an
 * empty cell nor "5" from 5, and ends at the first record that is broken; here the next line is read on.
 */

export interface CsvRecord {
  /** Where the record begins, from 1. */
  readonly line: number
  readonly cells: ReadonlyArray<string>
  /** Cells that stood in quotes. */
  readonly quoted: ReadonlySet<number>
  /** Why the record cannot be read. */
  readonly broken?: string
}

const [quote, carriageReturn, lineFeed] = [34, 13, 10]
const none: ReadonlySet<number> = new Set()

/** A record that is not yet there as a whole. */
const incomplete = -1

/** The first line tells: a comma, or what spreadsheets of other countries write. */
const delimiterOf = (text: string): string => {
  const header = /^[^\r\n]*/.exec(text)![0]
  return [",", ";", "\t"].find((delimiter) => header.includes(delimiter)) ?? ","
}

/** Characters of an unfinished record that cost nothing to read again. */
const few = 4096

const linesIn = (text: string) => text.match(/\r\n|\r|\n/g)?.length ?? 0

export class CsvReader {
  private rest = ""
  /** Characters that have to be there before an unfinished record is read again: twice as many as last time, so that each is read twice at most. */
  private enough = 0
  private line = 1
  private delimiter = 0
  private isLost = false
  private cells: Array<string> = []
  private quoted: Set<number> | undefined
  private broken: string | undefined
  private readonly mostCharacters: number

  /** A record of more characters is broken, and what follows it is not read: most likely a quote was never closed. */
  constructor(maxCharacters = 1024 * 1024) {
    this.mostCharacters = maxCharacters
  }

  /** The records that end in this piece; empty lines are none. */
  feed(piece: string): ReadonlyArray<CsvRecord> {
    if (this.isLost) return []
    const text = this.rest + piece
    if (text.length >= this.enough) return this.readAll(text, false)
    this.rest = text
    return []
  }

  /** The record that no line end follows. */
  end(): ReadonlyArray<CsvRecord> {
    return this.isLost ? [] : this.readAll(this.rest, true)
  }

  private readAll(text: string, isLast: boolean): ReadonlyArray<CsvRecord> {
    const records: Array<CsvRecord> = []
    if (this.delimiter === 0) {
      if (!isLast && !/[\r\n]/.test(text) && text.length <= this.mostCharacters) {
        this.keep(text)
        return records
      }
      this.delimiter = delimiterOf(text).charCodeAt(0)
    }
    let from = 0
    while (from < text.length) {
      const end = this.record(text, from, isLast)
      if (end === incomplete) break
      const { broken, cells } = this
      const isEmpty = cells.length === 1 && cells[0] === "" && this.quoted === undefined && broken === undefined
      if (!isEmpty) records.push({ line: this.line, cells, quoted: this.quoted ?? none, ...(broken === undefined ? {} : { broken }) })
      this.line += this.quoted === undefined ? 1 : Math.max(1, linesIn(text.slice(from, end)))
      from = end
    }
    this.keep(text.slice(from))
    if (this.rest.length > this.mostCharacters) {
      this.isLost = true
      this.rest = ""
      const broken = `longer than ${this.mostCharacters} characters, maybe for a quote that is not closed; nothing behind it was read`
      records.push({ line: this.line, cells: [], quoted: none, broken })
    }
    return records
  }

  private keep(rest: string) {
    this.rest = rest
    this.enough = rest.length > few ? 2 * rest.length : 0
  }

  /** Reads one record into `cells` and returns where the next one begins. */
  private record(text: string, from: number, isLast: boolean): number {
    this.cells = []
    this.quoted = undefined
    this.broken = undefined
    for (let i = from; ; i++) {
      i = text.charCodeAt(i) === quote ? this.quotedCell(text, i, isLast) : this.plainCell(text, i)
      if (i === incomplete || (i >= text.length && !isLast)) return incomplete
      if (this.broken !== undefined) return this.nextLine(text, i, isLast)
      const c = text.charCodeAt(i)
      if (c === this.delimiter) continue
      // A line feed may still follow in the next piece.
      if (c === carriageReturn && i + 1 === text.length && !isLast) return incomplete
      return c === carriageReturn && text.charCodeAt(i + 1) === lineFeed ? i + 2 : i + 1
    }
  }

  private plainCell(text: string, from: number): number {
    let i = from
    for (; i < text.length; i++) {
      const c = text.charCodeAt(i)
      if (c === this.delimiter || c === lineFeed || c === carriageReturn) break
      if (c === quote) this.broken = "a quote in a cell that does not begin with one"
    }
    this.cells.push(text.slice(from, i))
    return i
  }

  private quotedCell(text: string, from: number, isLast: boolean): number {
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
      this.broken = "a quote that is not closed"
      return text.length
    }
    const inside = text.slice(from + 1, end)
    this.cells.push(isDoubled ? inside.replaceAll('""', '"') : inside)
    const c = text.charCodeAt(end + 1)
    const isEnd = end + 1 >= text.length || c === this.delimiter || c === lineFeed || c === carriageReturn
    if (!isEnd) this.broken = "text behind a closing quote"
    return end + 1
  }

  private nextLine(text: string, from: number, isLast: boolean): number {
    const end = text.indexOf("\n", from)
    return end >= 0 ? end + 1 : isLast ? text.length : incomplete
  }
}
