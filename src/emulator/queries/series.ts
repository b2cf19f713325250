/** Reads time series for REST and the WebSocket, raw or aggregated (recorded in `telemetry-read.json`). */
import { aggregate, type Aggregation, splitIntoBuckets, countIntervals, type IntervalType, maxIntervals } from "../values/aggregation.ts"
import type { Entity } from "../store/Directory.ts"
import type { Point } from "../values/Value.ts"
import type { Store } from "../store/Store.ts"

export interface SeriesQuery {
  /** ms; start inclusive, end exclusive. */
  readonly startTs: number
  readonly endTs: number
  readonly limit?: number
  readonly orderBy?: "ASC" | "DESC"
  readonly agg?: Aggregation | "NONE"
  readonly interval?: number
  readonly intervalType?: IntervalType
  readonly timeZone?: string
}

/** Without an interval ThingsBoard returns raw points, whatever the aggregation. */
export const isAggregated = ({ agg = "NONE", interval = 0, intervalType = "MILLISECONDS" }: SeriesQuery) =>
  agg !== "NONE" && !(intervalType === "MILLISECONDS" && interval === 0)

/** The number of requested buckets, if it exceeds ThingsBoard's limit. */
export const excessiveIntervals = (query: SeriesQuery): number | undefined => {
  const { endTs, interval = 0, intervalType = "MILLISECONDS", startTs } = query
  const count = intervalType === "MILLISECONDS" ? countIntervals(startTs, endTs, interval) : 0
  return isAggregated(query) && count > maxIntervals ? count : undefined
}

/** Raw points are newest first by default; buckets are in ascending order. */
export const readSeries = (store: Store["Service"], entity: Entity, key: string, query: SeriesQuery): ReadonlyArray<Point> => {
  const { agg = "NONE", endTs, interval = 0, intervalType = "MILLISECONDS", limit = 100, orderBy, startTs, timeZone = "UTC" } = query
  if (agg === "NONE" || !isAggregated(query)) {
    return store.telemetry.history(entity, key, { startTs, endTs, limit, descending: orderBy !== "ASC" })
  }
  const everything = { limit: -1, descending: false } as const
  return splitIntoBuckets(startTs, endTs, interval, intervalType, timeZone).flatMap((bucket) => {
    const points = store.telemetry.history(entity, key, { startTs: bucket.start, endTs: bucket.end, ...everything })
    return aggregate(bucket, points, agg) ?? []
  })
}
