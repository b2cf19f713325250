/**
 * The points of a page, all keys that continue at the same position in one call. Keys keep a position each, since they have points at
 * different times; those that have about as many points per time are brought to the same position again, so that the next page takes one
 * call for them as well.
 */
import type { Order, TimeRange } from "../../domain/Telemetry.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { keysOfCall } from "../../thingsboard/Paths.ts"
import { HistoryPage, ScanError, scanInSteps, scanPrefix, type Series } from "../../thingsboard/responses/HistoryPage.ts"

/** The part of a page that belongs to one key. */
export interface KeyPage {
  readonly key: string
  /** `{"ts":…,"value":…},…` */
  readonly json: string | Uint8Array
  readonly count: number
  /** Where the next page continues; null if the range was read to its end. */
  readonly position: number | null
}

/** Keys of which the same part of the range is unread. */
export interface UnreadKeys {
  readonly keys: ReadonlyArray<string>
  readonly rest: TimeRange
}

/** The position at which reading a range begins. */
export const startPosition = ({ end, start }: TimeRange, order: Order): number => (order === "ASC" ? start : end)

/** A key that was not read for this page: the next page reads the same range. */
export const skipKey = (key: string, range: TimeRange, order: Order): KeyPage => ({
  key,
  json: "",
  count: 0,
  position: startPosition(range, order)
})

/** The keys of each call: those with the same range, as many as fit in the path. */
export const groupKeys = (unread: ReadonlyArray<{ readonly key: string; readonly rest: TimeRange }>): ReadonlyArray<UnreadKeys> => {
  const groups: Array<UnreadKeys> = []
  for (const same of Map.groupBy(unread, ({ rest }) => `${rest.start}-${rest.end}`).values()) {
    const { rest } = same[0]!
    const keys = same.map(({ key }) => key)
    for (let from = 0; from < keys.length; from += groups.at(-1)!.keys.length) groups.push({ keys: keysOfCall(keys, from), rest })
  }
  return groups
}

/** Throws a ScanError if ThingsBoard returned other keys, another range or another order than requested. */
const checkPoints = ({ series, ts: times }: HistoryPage, keys: ReadonlyArray<string>, { end, start }: TimeRange, order: Order): void => {
  const missing = new Set(keys)
  for (const { from, key, to } of series) {
    if (!missing.delete(key)) throw new ScanError("the response does not match the requested keys")
    let previous: number | undefined
    for (let row = from; row < to; row++) {
      const ts = times[row]!
      const isInOrder = previous === undefined || (order === "ASC" ? ts > previous : ts < previous)
      if (ts < start || ts >= end || !isInOrder) throw new ScanError("the response does not match the requested range or order")
      previous = ts
    }
  }
}

/** Where the rows of a key end on this page, if it has more points than the page. */
interface FullKey {
  readonly series: Series
  to: number
  position: number
}

/** Fewer keys are read as well by a call each. */
const minAlignedKeys = 5
/** Keys of which less than this part would be on the page keep a position of their own. */
const minAlignedPart = 1 / 4

const positionAfter = (last: number, order: Order) => (order === "ASC" ? last + 1 : last)

/** Lets keys that have about as many points per time end at the same time. */
const alignKeys = ({ ts }: HistoryPage, full: ReadonlyArray<FullKey>, order: Order): void => {
  if (full.length < minAlignedKeys) return
  const lastOf = ({ to }: FullKey) => ts[to - 1]!
  const isUpTo = (row: number, end: number) => (order === "ASC" ? ts[row]! <= end : ts[row]! >= end)
  let left = full.toSorted((a, b) => (order === "ASC" ? lastOf(a) - lastOf(b) : lastOf(b) - lastOf(a)))
  while (left.length > 0) {
    const end = lastOf(left[0]!)
    const others: Array<FullKey> = []
    for (const key of left) {
      const { from } = key.series
      let to = key.to
      while (to > from && !isUpTo(to - 1, end)) to--
      if (to - from < minAlignedPart * (key.to - from)) others.push(key)
      else Object.assign(key, { to, position: positionAfter(end, order) })
    }
    left = others
  }
}

export interface PointsRequest extends UnreadKeys {
  readonly order: Order
  /** Maximum points per key. */
  readonly limit: number
  /** Points per key that ThingsBoard was asked for: one more shows that there is a next page. */
  readonly requested: number
}

/** The points of a response. `mayBeCut`: its reading was ended early. */
export function* takePoints(bytes: Uint8Array, request: PointsRequest, mayBeCut: boolean, isTurnOver: IsTurnOver): Steps<Array<KeyPage>> {
  const { keys, limit, order, requested, rest } = request
  const page = new HistoryPage()
  const isComplete = mayBeCut ? yield* scanPrefix(bytes, page, isTurnOver) : (yield* scanInSteps(bytes, page, isTurnOver)) === page
  checkPoints(page, keys, rest, order)
  const byKey = new Map(page.series.map((series) => [series.key, series]))
  const cut = isComplete ? undefined : page.series.at(-1)
  const full = new Map<string, FullKey>()
  for (const series of page.series) {
    const to = Math.min(series.to, series.from + limit)
    const hasMore = series === cut || series.to - series.from >= requested
    if (hasMore && to > series.from) full.set(series.key, { series, to, position: positionAfter(page.ts[to - 1]!, order) })
  }
  alignKeys(page, [...full.values()], order)
  const pages: Array<KeyPage> = []
  for (const key of keys) {
    const series = byKey.get(key)
    if (series === undefined ? !isComplete : series === cut && series.to === series.from) pages.push(skipKey(key, rest, order))
    else if (series === undefined) pages.push({ key, json: "", count: 0, position: null })
    else {
      const { position, to } = full.get(key) ?? { to: series.to, position: null }
      pages.push({ key, json: yield* page.render(series.from, to, isTurnOver), count: to - series.from, position })
    }
  }
  return pages
}
