/**
 * Reads a response of the history and latest endpoints, `{"key":[{"ts":…,"value":…},…],…}`. Values stay the bytes that ThingsBoard
 * sent. JSON.parse would lose digits of integers beyond 2^53, and takes four times as long.
 */
import { type IsTurnOver, never, runAtOnce, type Steps } from "../../domain/Steps.ts"
import { largeBody } from "../../json/JsonReader.ts"
import { checkLargeValue, findLargeValues } from "../../json/largeValues.ts"
import { endOfText, endOfValue, expect, fail, ScanError, skipSpace, textAt, valueAt } from "../../json/JsonScanner.ts"

export { ScanError }

export interface Series {
  readonly key: string
  /** Rows `from` (inclusive) to `to` (exclusive). */
  readonly from: number
  readonly to: number
}

/** Rows of some series of a page. */
export interface HistoryRows {
  readonly bytes: Uint8Array
  readonly series: ReadonlyArray<Series>
  readonly ts: Float64Array
  readonly tsFrom: Uint32Array
  readonly tsTo: Uint32Array
  readonly valueFrom: Uint32Array
  readonly valueTo: Uint32Array
  /** The JSON token of a row's value, as ThingsBoard wrote it. */
  readonly token: (row: number) => string
}

const minus = 45
const comma = Buffer.from(",")
const brace = Buffer.from("}")

const isDigit = (c: number) => c >= 48 && c <= 57

/** The smallest point: `{"ts":0,"value":0}`. */
const minBytes = 18

/** The lengths of `{"ts":` and `,"value":`. */
const [beforeTs, betweenTsAndValue] = [6, 9]

const noLargeValues: ReadonlyMap<number, number> = new Map()

/** Columns over the bytes of one response. They are reused: finish with a page before scanning the next one into it. */
export class HistoryPage {
  bytes: Uint8Array = new Uint8Array(0)
  /** Rows that were read completely. */
  count = 0
  series: Array<Series> = []
  /** The key of the series that is being read, and its first row. */
  private open: { readonly key: string; readonly from: number } | undefined
  ts = new Float64Array(0)
  tsFrom = new Uint32Array(0)
  tsTo = new Uint32Array(0)
  valueFrom = new Uint32Array(0)
  valueTo = new Uint32Array(0)
  /** The ends of large values, and the positions of those that remain to be checked. */
  largeValues: ReadonlyMap<number, number> = noLargeValues
  readonly unchecked: Array<number> = []

  reset(bytes: Uint8Array) {
    this.bytes = bytes
    this.count = 0
    this.series = []
    this.open = undefined
    this.largeValues = noLargeValues
    this.unchecked.length = 0
    const maxPoints = Math.ceil(bytes.length / minBytes)
    if (maxPoints <= this.ts.length) return
    this.ts = new Float64Array(maxPoints)
    this.tsFrom = new Uint32Array(maxPoints)
    this.tsTo = new Uint32Array(maxPoints)
    this.valueFrom = new Uint32Array(maxPoints)
    this.valueTo = new Uint32Array(maxPoints)
  }

  openSeries(key: string) {
    this.open = { key, from: this.count }
  }

  closeSeries() {
    if (this.open !== undefined) this.series.push({ ...this.open, to: this.count })
    this.open = undefined
  }

  /** These series only. Valid as long as the page is. */
  select(series: ReadonlyArray<Series>): HistoryRows {
    const { bytes, ts, tsFrom, tsTo, valueFrom, valueTo } = this
    return { bytes, series, ts, tsFrom, tsTo, valueFrom, valueTo, token: (row) => this.token(row) }
  }

  /** Rows `from` to `to` as `{"ts":…,"value":…},…`. The bytes are copied, so that the response itself can be discarded. */
  *render(from: number, to: number, isTurnOver: IsTurnOver): Steps<Uint8Array> {
    const parts: Array<Uint8Array> = []
    for (let row = from; row < to;) {
      if (row > from) parts.push(comma)
      const end = this.endOfRun(row, Math.min(to, row + perLook))
      if (end > row) parts.push(this.bytes.subarray(this.tsFrom[row]! - beforeTs, this.valueTo[end - 1]! + 1))
      else parts.push(Buffer.from(`{"ts":${this.ts[row]!},"value":`), this.bytes.subarray(this.valueFrom[row]!, this.valueTo[row]!), brace)
      row = Math.max(end, row + 1)
      if (isTurnOver()) yield
    }
    return Buffer.concat(parts)
  }

  /** The row after the last one that is written directly behind `row`, each exactly as `{"ts":…,"value":…}`; `row` if it is not itself. */
  private endOfRun(row: number, max: number): number {
    let end = row
    while (
      end < max &&
      betweenTsAndValue === this.valueFrom[end]! - this.tsTo[end]! &&
      this.bytes[this.tsFrom[end]! - beforeTs] === 123 &&
      this.bytes[this.valueTo[end]!] === 125 &&
      (end === row || this.tsFrom[end]! - beforeTs === this.valueTo[end - 1]! + 2)
    )
      end++
    return end
  }

  /** The JSON token of a row's value, as ThingsBoard wrote it. */
  token(row: number): string {
    return textAt(this.bytes, this.valueFrom[row]!, this.valueTo[row]!)
  }
}

/** Reads a page into the columns. Throws a ScanError for anything but JSON of this form. */
export const scan = (bytes: Uint8Array, page: HistoryPage = new HistoryPage()): HistoryPage => runAtOnce(scanInSteps(bytes, page, never))

/** Points between two looks at the clock. */
const perLook = 256

/** Like `scan`, in steps, for a page of any size. */
export function* scanInSteps(bytes: Uint8Array, page: HistoryPage, isTurnOver: IsTurnOver): Steps<HistoryPage> {
  yield* readSeries(bytes, page, isTurnOver)
  yield* checkValues(page, isTurnOver)
  return page
}

/**
 * Reads the beginning of a response whose reading was ended early: all points that arrived completely. Returns whether the response is
 * complete after all. Anything else in the bytes than JSON of this form counts as their end, so it is found when the rest is read.
 */
export function* scanPrefix(bytes: Uint8Array, page: HistoryPage, isTurnOver: IsTurnOver): Steps<boolean> {
  let isComplete = true
  try {
    yield* readSeries(bytes, page, isTurnOver)
  } catch (error) {
    if (!(error instanceof ScanError)) throw error
    page.closeSeries()
    isComplete = false
  }
  yield* checkValues(page, isTurnOver)
  return isComplete
}

function* checkValues({ bytes, unchecked }: HistoryPage, isTurnOver: IsTurnOver): Steps<void> {
  for (const at of unchecked) yield* checkLargeValue(bytes, at, undefined, isTurnOver)
}

function* readSeries(bytes: Uint8Array, page: HistoryPage, isTurnOver: IsTurnOver): Steps<void> {
  page.reset(bytes)
  if (bytes.length >= largeBody) page.largeValues = yield* findLargeValues(bytes, largeBody, isTurnOver)
  let i = expect(bytes, skipSpace(bytes, 0), 123)
  let nextLook = perLook
  while (bytes[i] !== 125) {
    if (page.series.length > 0) i = expect(bytes, i, 44)
    const keyEnd = endOfText(bytes, i)
    const key = valueAt(bytes, i, keyEnd) as string
    page.openSeries(key)
    i = expect(bytes, expect(bytes, skipSpace(bytes, keyEnd), 58), 91)
    for (let more = bytes[i] !== 93; more; i = more ? expect(bytes, i, 44) : i) {
      const after = readCompactPoints(bytes, i, page)
      i = skipSpace(bytes, after === i ? readPoint(bytes, i, page) : after)
      more = bytes[i] !== 93
      if (page.count + page.series.length >= nextLook) {
        nextLook = page.count + page.series.length + perLook
        if (isTurnOver()) yield
      }
    }
    i = expect(bytes, i, 93)
    page.closeSeries()
  }
  if (skipSpace(bytes, i + 1) !== bytes.length) fail(i + 1)
}

const skipValue = (b: Uint8Array, at: number, page: HistoryPage): number => {
  const end = page.largeValues.size > 0 ? page.largeValues.get(at) : undefined
  if (end === undefined) return endOfValue(b, at)
  page.unchecked.push(at)
  return end
}

/**
 * Reads points as long as they are written the way ThingsBoard does, `{"ts":…,"value":…}`. Returns the position after the last one, or `i`
 * if there is none. It stops after some hundred points.
 */
const readCompactPoints = (b: Uint8Array, i: number, page: HistoryPage): number => {
  const { ts, tsFrom, tsTo, valueFrom, valueTo } = page
  const maxCount = page.count + perLook
  for (let after = i; ; i = after + 1) {
    if (b[i] !== 123 || b[i + 1] !== 34 || b[i + 2] !== 116 || b[i + 3] !== 115 || b[i + 4] !== 34 || b[i + 5] !== 58) return after
    let j = i + 6
    let time = 0
    for (let digit = b[j]! - 48; digit >= 0 && digit <= 9; digit = b[++j]! - 48) time = time * 10 + digit
    if (j === i + 6 || j > i + 21 || (b[i + 6] === 48 && j > i + 7)) return after
    if (b[j] !== 44 || b[j + 1] !== 34 || b[j + 2] !== 118 || b[j + 3] !== 97 || b[j + 4] !== 108 || b[j + 5] !== 117) return after
    if (b[j + 6] !== 101 || b[j + 7] !== 34 || b[j + 8] !== 58 || b[j + 9]! <= 32) return after
    const end = skipValue(b, j + 9, page)
    if (b[end] !== 125) return after
    const row = page.count++
    ts[row] = time
    tsFrom[row] = i + 6
    tsTo[row] = j
    valueFrom[row] = j + 9
    valueTo[row] = end
    after = end + 1
    if (b[after] !== 44 || page.count >= maxCount) return after
  }
}

/** Reads a point with fields in any order, with white space, and with other fields. */
const readPoint = (b: Uint8Array, i: number, page: HistoryPage): number => {
  const row = page.count
  let seen = 0
  i = expect(b, i, 123)
  for (let first = true; first || b[i] !== 125; first = false) {
    if (!first) i = expect(b, i, 44)
    const nameEnd = endOfText(b, i)
    const name = valueAt(b, i, nameEnd)
    i = expect(b, skipSpace(b, nameEnd), 58)
    const end = skipValue(b, i, page)
    if (name === "ts") {
      page.ts[row] = timeAt(b, i, end)
      page.tsFrom[row] = i
      page.tsTo[row] = end
      seen |= 1
    } else if (name === "value") {
      page.valueFrom[row] = i
      page.valueTo[row] = end
      seen |= 2
    }
    i = skipSpace(b, end)
  }
  if (seen !== 3) return fail(i)
  page.count++
  return i + 1
}

const timeAt = (b: Uint8Array, from: number, to: number): number => {
  for (let i = b[from] === minus ? from + 1 : from; i < to; i++) if (!isDigit(b[i]!)) return fail(from)
  const time = Number(textAt(b, from, to))
  return Number.isSafeInteger(time) ? time : fail(from)
}
