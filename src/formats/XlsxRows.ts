import { fitsExcel } from "./numbers.ts"
import type { RowColumns } from "./Rows.ts"
import { backslash, brace, bracket, copy, quote, textOf, utf8 } from "./tokens.ts"
import { styles } from "./xlsxParts.ts"

/** Maximum length of a cell, in UTF-16 units. */
const maxTextLength = 32_767
const dayMs = 86_400_000
/** 1970-01-01 in Excel's count of days. */
const epochDay = 25_569
/** Before 1900-03-01 Excel's calendar is off by one day; it ends at 9999-12-31. */
const firstDay = 61
const lastDay = 2_958_465
/** Decimals of a day: a millisecond is 1.2e-8 days. */
const dayDecimals = 10
const unitsPerMs = 10 ** dayDecimals / dayMs

/**
 * Text as XML. Characters that XML cannot hold, and CR, which XML readers turn into LF, are written as `_xHHHH_` (the standard's
 * ST_Xstring); so is an underscore that would read as the beginning of such an escape.
 */
export const escapeXml = (text: string): string =>
  text
    .replaceAll(/_(?=x[0-9A-Fa-f]{4}_)/g, "_x005F_")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(
      /[\uFFFE\uFFFF]|(?![\t\n\u007F-\u009F])\p{Cc}/gu,
      (c) => `_x${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`
    )

const openText = '<c t="inlineStr"><is><t xml:space="preserve">'
const closeText = "</t></is></c>"

/** Text in a cell, never a formula. Text that is too long for one cell continues in the cells to its right. */
export const textCells = (text: string): string => {
  let cells = ""
  for (let from = 0; from === 0 || from < text.length;) {
    let to = Math.min(text.length, from + maxTextLength)
    if (to < text.length && (text.charCodeAt(to - 1) & 0xfc00) === 0xd800) to--
    cells += openText + escapeXml(text.slice(from, to)) + closeText
    from = to
    if (text.length === 0) break
  }
  return cells
}

const xml = {
  row: utf8.encode("<row>"),
  endRow: utf8.encode("</row>"),
  empty: utf8.encode("<c/>"),
  number: utf8.encode("<c><v>"),
  date: utf8.encode(`<c s="${styles.date}"><v>`),
  integer: utf8.encode(`<c s="${styles.integer}"><v>`),
  endNumber: utf8.encode("</v></c>"),
  true: utf8.encode('<c t="b"><v>1</v></c>'),
  false: utf8.encode('<c t="b"><v>0</v></c>'),
  text: utf8.encode(openText),
  endText: utf8.encode(closeText)
}

/** Whether the content of a JSON string can be copied to XML unchanged. */
const isPlain = (bytes: Uint8Array, from: number, to: number) => {
  if (to - from > maxTextLength) return false
  for (let i = from; i < to; i++) {
    const c = bytes[i]!
    // Escapes, & < > and everything beyond ASCII; _x may begin an ST_Xstring escape.
    if (c === backslash || c === 38 || c === 60 || c === 62 || c > 126 || (c === 95 && bytes[i + 1] === 120)) return false
  }
  return true
}

/** Up to this length, a token without an exponent cannot have more digits than Excel keeps. */
const maxSafeLength = 15
const hasExponent = (bytes: Uint8Array, from: number, to: number) => {
  for (let i = from; i < to; i++) if ((bytes[i]! | 32) === 101) return true
  return false
}

/** Writes rows of sheets as XML, into a buffer that grows with the largest chunk. `rows` returns a copy. */
export class XlsxRows {
  private out = new Uint8Array(64 * 1024)
  private at = 0

  /** Rows `from` (inclusive) to `to` (exclusive), each with the `leading` texts in its first cells. */
  rows(rows: RowColumns, from: number, to: number, leading: ReadonlyArray<string>): Uint8Array {
    const first = utf8.encode(leading.map(textCells).join(""))
    this.at = 0
    for (let row = from; row < to; row++) {
      this.bytes(xml.row)
      this.bytes(first)
      this.date(rows.ts[row]!)
      this.number(rows.bytes, rows.tsFrom[row]!, rows.tsTo[row]!, xml.integer)
      this.value(rows.bytes, rows.valueFrom[row]!, rows.valueTo[row]!)
      this.bytes(xml.endRow)
    }
    return this.out.slice(0, this.at)
  }

  private reserve(size: number) {
    if (this.at + size <= this.out.length) return
    const larger = new Uint8Array(Math.max(2 * this.out.length, this.at + size))
    larger.set(this.out.subarray(0, this.at))
    this.out = larger
  }

  private token(bytes: Uint8Array, from: number, to: number) {
    this.reserve(to - from)
    this.at = copy(this.out, this.at, bytes, from, to)
  }

  private bytes(bytes: Uint8Array) {
    this.token(bytes, 0, bytes.length)
  }

  private string(text: string) {
    this.reserve(3 * text.length)
    this.at += utf8.encodeInto(text, this.out.subarray(this.at)).written
  }

  /** Decimal digits with leading zeros. */
  private digits(value: number, count: number) {
    this.reserve(count)
    for (let i = this.at + count - 1; i >= this.at; i--) {
      const rest = Math.floor(value / 10)
      this.out[i] = 48 + (value - 10 * rest)
      value = rest
    }
    this.at += count
  }

  private date(ts: number) {
    const days = Math.floor(ts / dayMs)
    const day = days + epochDay
    if (!(day >= firstDay && day <= lastDay)) return this.bytes(xml.empty)
    this.bytes(xml.date)
    this.digits(day, 7)
    this.reserve(1)
    this.out[this.at++] = 46
    this.digits(Math.round((ts - days * dayMs) * unitsPerMs), dayDecimals)
    this.bytes(xml.endNumber)
  }

  private number(bytes: Uint8Array, from: number, to: number, opening: Uint8Array) {
    if ((to - from > maxSafeLength || hasExponent(bytes, from, to)) && !fitsExcel(textOf(bytes, from, to))) {
      return this.string(textCells(textOf(bytes, from, to)))
    }
    this.bytes(opening)
    this.token(bytes, from, to)
    this.bytes(xml.endNumber)
  }

  private value(bytes: Uint8Array, from: number, to: number) {
    switch (bytes[from]) {
      case quote:
        if (!isPlain(bytes, from + 1, to - 1)) return this.string(textCells(JSON.parse(textOf(bytes, from, to)) as string))
        this.bytes(xml.text)
        this.token(bytes, from + 1, to - 1)
        return this.bytes(xml.endText)
      case brace:
      case bracket:
        return this.string(textCells(textOf(bytes, from, to)))
      case 116:
        return this.bytes(xml.true)
      case 102:
        return this.bytes(xml.false)
      case 110:
        return this.bytes(xml.empty)
      default:
        return this.number(bytes, from, to, xml.number)
    }
  }
}
