/**
 * Aggregates of a key over ranges of any length: split into calls that ThingsBoard allows and joined again, without empty buckets.
 *
 * ThingsBoard places its buckets one after the other from `startTs`, regardless of the calendar, and dates each at its middle. Every call
 * therefore begins at a bucket boundary, and the start of a point's bucket is computed from the position of the point in the call.
 */
import { Context, Effect, Layer, Option, Stream } from "effect"
import type { Order, TimeRange } from "../../domain/Telemetry.ts"
import { HistoryPage, scan } from "../../thingsboard/responses/HistoryPage.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { invalidResponse, type ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { type Bucketing, firstSegment, lastSegment, type Segment } from "./bucketing.ts"
import type { HistoryQuery } from "./HistoryWalk.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import { EventLoop } from "../../platform/EventLoop.ts"

/** ThingsBoard rejects calls with more buckets (its setting `database.ts_max_intervals`). */
export const maxBuckets = 700

/** A point whose value is the JSON token that ThingsBoard wrote. */
export interface JsonPoint {
  /** Of an aggregate: the start of its bucket, or of the range if the range cuts off the bucket. */
  readonly ts: number
  readonly value: string
}

export interface BucketQuery extends Bucketing {
  readonly deviceId: string
  readonly key: string
  readonly range: TimeRange
  readonly order: Order
  /** Maximum buckets of the first call, for callers that need only a few. Defaults to what ThingsBoard allows. */
  readonly firstCallBuckets?: number
}

/** The rest of a range, and how many buckets its next call may read. */
interface UnreadRange {
  readonly range: TimeRange
  readonly maxBuckets: number
}

const wholeRange = (range: TimeRange): UnreadRange => ({ range, maxBuckets })

/** The shortest bucket that ThingsBoard computes, in ms. */
const minInterval = 1000

/** The aggregates in the form in which history comes from ThingsBoard, for the writers of files. */
const toHistoryPage = (key: string, points: ReadonlyArray<JsonPoint>): HistoryPage =>
  scan(Buffer.from(`{${JSON.stringify(key)}:[${points.map(({ ts, value }) => `{"ts":${ts},"value":${value}}`).join(",")}]}`))

/** The aggregates of a segment, oldest first; the response has none for empty buckets. Throws if it does not match the segment. */
const parseSegment = ({ end, interval, start }: Segment, page: HistoryPage): Array<JsonPoint> => {
  const points: Array<JsonPoint> = []
  for (let row = 0; row < page.count; row++) {
    const middle = page.ts[row]!
    const ts = start + Math.floor((middle - start) / interval) * interval
    if (page.series.length > 1 || middle < start || middle >= end || ts <= (points.at(-1)?.ts ?? -1)) {
      throw new Error("the response does not match the segment")
    }
    points.push({ ts, value: page.token(row) })
  }
  return points
}

export class Aggregates extends Context.Service<
  Aggregates,
  {
    /** The aggregates of one key, one chunk per call, in the requested order. Long gaps without points are skipped. */
    readonly chunks: (query: BucketQuery) => Stream.Stream<ReadonlyArray<JsonPoint>, ThingsBoardError>
    /** Like `History.pages`: keys in the given order, oldest first. The first call is made before the stream is returned. */
    readonly pages: (
      query: HistoryQuery,
      bucketing: Bucketing
    ) => Effect.Effect<Stream.Stream<HistoryPage, ThingsBoardError>, ThingsBoardError>
  }
>()("boardwalk/services/telemetry/Aggregates") {
  static readonly layer = Layer.effect(
    Aggregates,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const { nextTurn } = yield* EventLoop

      const fetchSegment = Effect.fnUntraced(function* ({ agg, deviceId, key }: BucketQuery, segment: Segment) {
        const { end, interval, start } = segment
        const bytes = yield* thingsBoard.history({
          deviceId,
          keys: [key],
          start,
          end,
          agg,
          interval: Math.max(interval, minInterval),
          order: "ASC"
        })
        return yield* Effect.try({ try: () => parseSegment(segment, scan(bytes)), catch: () => invalidResponse() })
      })

      /** The part of a range from the bucket of its first point, or up to that of its last one in descending order. */
      const skipGap = Effect.fnUntraced(function* ({ boundaries, deviceId, key, order }: BucketQuery, { end, start }: TimeRange) {
        const bytes = yield* thingsBoard.history({ deviceId, keys: [key], start, end, limit: 1, order })
        const page = yield* Effect.try({ try: () => scan(bytes), catch: () => invalidResponse() })
        if (page.count === 0) return { start: end, end }
        const ts = page.ts[0]!
        if (ts < start || ts >= end) return yield* invalidResponse()
        const from = boundaries.floor(ts)
        return order === "ASC" ? { start: Math.max(start, from), end } : { start, end: Math.min(end, boundaries.next(from)) }
      })

      const readSegment = (query: BucketQuery) =>
        Effect.fnUntraced(function* ({ maxBuckets, range }: UnreadRange) {
          const { boundaries, order } = query
          const isAscending = order === "ASC"
          const segment = (isAscending ? firstSegment : lastSegment)(boundaries, range.start, range.end, maxBuckets)
          const points = yield* fetchSegment(query, segment)
          yield* nextTurn
          const rest = isAscending ? { start: segment.end, end: range.end } : { start: range.start, end: segment.start }
          const unread = points.length > 0 || rest.start >= rest.end ? rest : yield* skipGap(query, rest)
          const next = unread.start < unread.end ? Option.some(wholeRange(unread)) : Option.none<UnreadRange>()
          const chunk = isAscending ? points : points.toReversed()
          return [chunk.length === 0 ? [] : [chunk], next] as const
        })

      const readWithRetry = (query: BucketQuery, from: UnreadRange) => {
        const read = readSegment(query)
        return Stream.paginate<UnreadRange, ReadonlyArray<JsonPoint>, ThingsBoardError, never>(from, (unread) =>
          retryTransient(read(unread))
        )
      }

      const chunks = (query: BucketQuery) =>
        query.range.start >= query.range.end
          ? Stream.empty
          : Stream.paginate<UnreadRange, ReadonlyArray<JsonPoint>, ThingsBoardError, never>(
              { range: query.range, maxBuckets: Math.min(maxBuckets, query.firstCallBuckets ?? maxBuckets) },
              readSegment(query)
            )

      const pages = Effect.fnUntraced(function* ({ deviceId, keys, range }: HistoryQuery, bucketing: Bucketing) {
        const queryFor = (key: string) => ({ ...bucketing, deviceId, key, range, order: "ASC" }) as const
        const [firstKey, ...otherKeys] = keys
        if (firstKey === undefined || range.start >= range.end) return Stream.empty
        const [firstChunks, rest] = yield* readSegment(queryFor(firstKey))(wholeRange(range))
        const first = Stream.fromIterable(firstChunks).pipe(
          Stream.concat(Option.match(rest, { onNone: () => Stream.empty, onSome: (unread) => readWithRetry(queryFor(firstKey), unread) })),
          Stream.map((points) => toHistoryPage(firstKey, points))
        )
        const others = Stream.fromIterable(otherKeys).pipe(
          Stream.flatMap((key) => Stream.map(readWithRetry(queryFor(key), wholeRange(range)), (points) => toHistoryPage(key, points)))
        )
        return Stream.concat(first, others)
      })

      return { chunks, pages }
    })
  )
}
