/**
 * The order in which the history of a device's keys is read and passed on. The first call asks for all keys at once, since `limit` is per
 * key; only keys that have more points are read further, one by one. Keys stay in their order, so the rest of a first page waits while a key
 * is read to its end.
 */
import type { TimeRange } from "../../domain/Telemetry.ts"
import { keysOfCall } from "../../thingsboard/Paths.ts"
import type { HistoryPage, HistoryRows, Series } from "../../thingsboard/responses/HistoryPage.ts"

export interface HistoryQuery {
  readonly deviceId: string
  readonly keys: ReadonlyArray<string>
  readonly range: TimeRange
  /** Target size of a page in bytes, if several histories are read at the same time. Default: `targetBytes`. */
  readonly pageBytes?: number
}

export interface PageRequest {
  readonly keys: ReadonlyArray<string>
  readonly start: number
  /** Exclusive; before the end of the range if another request reads on from there. */
  readonly end: number
  /** Maximum points per key. */
  readonly limit: number
  /** Whether the request reads one key further, while the rest of the page before it waits. */
  readonly isContinuation: boolean
}

export interface ReadPage {
  readonly page: HistoryPage
  /** Points per key that were requested in the end. */
  readonly limit: number
  /** Whether the response was read to its end. */
  readonly isComplete: boolean
}

interface Progress {
  readonly rows: ReadonlyArray<HistoryRows>
  /** `resume`: more rows of the same page, in another turn of the event loop. Undefined at the end. */
  readonly next: PageRequest | "resume" | undefined
}

/** Points per key of the first page: few, so that the first byte is sent soon. */
const firstLimit = 2000
/** Bytes per point that the first page of many keys is sized for; numbers take about 40. */
const assumedBytes = 64
const minFirstLimit = 50
const maxKeysPerCall = 300
const maxRows = 50_000
/** Rows of several keys that are passed on together. */
const maxRowsPerTurn = 4000
/** Target size of a page: small enough for four exports in 200 MB, large enough that the latency of a call matters little. */
export const targetBytes = 512 * 1024

/** A page of several keys, of which those before `at` were passed on. */
interface Shared extends ReadPage {
  readonly request: PageRequest
  readonly byKey: ReadonlyMap<string, Series>
  at: number
}

export class HistoryWalk {
  private shared: Shared | undefined
  /** The first key that no call asked for. */
  private nextKey = 0

  constructor(
    private readonly query: HistoryQuery,
    /** Where the reading of a page ends. */
    private readonly maxBytes: number
  ) {}

  get first(): PageRequest {
    return this.askTogether(undefined)
  }

  /** Whether the response has only what was requested. From an upstream that ignores a key, the range or the order, rows would be lost or duplicated silently. */
  matches({ end, keys, start }: PageRequest, { series, ts }: HistoryPage): boolean {
    const missing = new Set(keys)
    for (const { from, key, to } of series) {
      if (!missing.delete(key)) return false
      for (let row = from, min = start; row < to; row++) {
        if (!(ts[row]! >= min && ts[row]! < end)) return false
        min = ts[row]! + 1
      }
    }
    return true
  }

  /** The rows of a page that come next, and the request after it. */
  advance(request: PageRequest, read: ReadPage): Progress {
    if (request.isContinuation) {
      const { page } = read
      const [series] = page.series
      const more = (series === undefined ? undefined : this.continueKey(read, series, request.end)) ?? this.readOn(request, page)
      if (more !== undefined) return { rows: [page], next: more }
      const { next, rows } = this.passOn()
      return { rows: series === undefined ? rows : [page, ...rows], next }
    }
    this.nextKey += request.keys.length
    this.shared = { ...read, request, byKey: new Map(read.page.series.map((series) => [series.key, series])), at: 0 }
    return this.passOn()
  }

  /** The part of the range after a request with an end of its own. */
  private readOn(request: PageRequest, page: HistoryPage): PageRequest | undefined {
    const { end } = this.query.range
    if (request.end >= end) return undefined
    return { ...request, start: request.end, end, limit: page.count === 0 ? request.limit : this.rowsOfTargetSize(page) }
  }

  /** How many points like those of a page have the target size. */
  private rowsOfTargetSize({ bytes, count }: HistoryPage) {
    const size = this.query.pageBytes ?? targetBytes
    return Math.min(maxRows, Math.max(1, Math.floor((size * count) / bytes.length)))
  }

  /** The rows of the shared page up to the first key that has more, or as many as one turn of the event loop can write. */
  passOn(): Progress {
    const { shared } = this
    if (shared === undefined) return { rows: [], next: undefined }
    const { byKey, isComplete, page, request } = shared
    const passed: Array<Series> = []
    let count = 0
    const progress = (next: Progress["next"]): Progress => ({ rows: passed.length === 0 ? [] : [page.select(passed)], next })
    while (shared.at < request.keys.length) {
      if (count >= maxRowsPerTurn) return progress("resume")
      const key = request.keys[shared.at++]!
      const series = byKey.get(key)
      if (series === undefined && !isComplete) return progress(this.readAgain(shared, key))
      if (series === undefined) continue
      passed.push(series)
      count += series.to - series.from
      const more = this.continueKey(shared, series, request.end)
      if (more !== undefined) return progress(more)
    }
    return progress(this.nextKey < this.query.keys.length ? this.askTogether(undefined) : undefined)
  }

  /** The response was not read as far as this key. */
  private readAgain({ at, page, request }: Shared, key: string): PageRequest {
    const { range } = this.query
    // Large values: one key after the other makes sure that each call gets further.
    if (at === 1)
      return {
        keys: [key],
        start: range.start,
        end: range.end,
        limit: page.count === 0 ? 1 : this.rowsOfTargetSize(page),
        isContinuation: true
      }
    this.nextKey -= request.keys.length - (at - 1)
    return this.askTogether(page)
  }

  private continueKey({ isComplete, limit, page }: ReadPage, series: Series, end: number): PageRequest | undefined {
    const { from, key, to } = series
    const isCut = !isComplete && page.series.at(-1) === series
    if (to - from < limit && !isCut) return undefined
    const start = to > from ? page.ts[to - 1]! + 1 : this.query.range.start
    if (start >= end) return undefined
    return { keys: [key], start, end, limit: this.rowsOfTargetSize(page), isContinuation: true }
  }

  /** The first call for the next keys, sized by the points of the page before if that was too large. */
  private askTogether(before: HistoryPage | undefined): PageRequest {
    const keys = keysOfCall(this.query.keys, this.nextKey, maxKeysPerCall)
    const fair = Math.floor((before === undefined ? this.maxBytes / assumedBytes : this.rowsOfTargetSize(before)) / keys.length)
    const limit = Math.min(firstLimit, Math.max(before === undefined ? minFirstLimit : 1, fair))
    return { keys, ...this.query.range, limit, isContinuation: false }
  }
}
