/** Series as REST and the WebSocket read them: raw, or in buckets. */
import { aggregate, type Aggregation, bucketsOf, countIntervals, type IntervalType, maxIntervals } from "./aggregation.ts"
import type { Entity } from "./store/Directory.ts"
import type { Point } from "./store/Telemetry.ts"
import type { Store } from "./Store.ts"

export interface SeriesQuery {
  /** ms; half-open. */
  readonly startTs: number
  readonly endTs: number
  readonly limit?: number
  readonly orderBy?: "ASC" | "DESC"
  readonly agg?: Aggregation | "NONE"
  readonly interval?: number
  readonly intervalType?: IntervalType
  readonly timeZone?: string
}

/** Without an interval points come as they are, whatever aggregation was asked for. */
export const isBucketed = ({ agg = "NONE", interval = 0, intervalType = "MILLISECONDS" }: SeriesQuery) =>
  agg !== "NONE" && !(intervalType === "MILLISECONDS" && interval === 0)

/** How many buckets are asked for, when they are more than ThingsBoard makes. */
export const tooManyBuckets = (query: SeriesQuery): number | undefined => {
  const { endTs, interval = 0, intervalType = "MILLISECONDS", startTs } = query
  const count = intervalType === "MILLISECONDS" ? countIntervals(startTs, endTs, interval) : 0
  return isBucketed(query) && count > maxIntervals ? count : undefined
}

/** The newest first, unless told. */
export const readSeries = (store: Store["Service"], entity: Entity, key: string, query: SeriesQuery): ReadonlyArray<Point> => {
  const { agg = "NONE", endTs, interval = 0, intervalType = "MILLISECONDS", limit = 100, orderBy, startTs, timeZone = "UTC" } = query
  if (agg === "NONE" || !isBucketed(query)) {
    return store.telemetry.history(entity, key, { startTs, endTs, limit, descending: orderBy !== "ASC" })
  }
  const everything = { limit: -1, descending: false } as const
  return bucketsOf(startTs, endTs, interval, intervalType, timeZone).flatMap((bucket) => {
    const points = store.telemetry.history(entity, key, { startTs: bucket.start, endTs: bucket.end, ...everything })
    return aggregate(bucket, points, agg) ?? []
  })
}
