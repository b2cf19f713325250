/**
 * Aggregates of a key, bucket by bucket, over any range: split into calls that ThingsBoard allows, joined again, empty buckets left out.
 *
 * ThingsBoard lays buckets side by side from `startTs` on, whatever the clock says, and dates each at its middle; so every call begins
 * on the grid, and the start of a point's bucket is found from where in the call the point lies.
 */
import { Context, Effect, Layer, Option, Stream } from "effect"
import type { Order, TimeRange } from "../../domain/Telemetry.ts"
import { HistoryPage, scan } from "../../thingsboard/responses/HistoryPage.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { invalidResponse, type ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { type Bucketing, firstSegment, lastSegment, type Segment } from "./bucketing.ts"
import type { HistoryQuery } from "./History.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import { EventLoop } from "../../platform/EventLoop.ts"

/** `database.ts_max_intervals`: ThingsBoard refuses calls with more. */
export const maxBuckets = 700

/** `ts` is the start of the bucket, or of the range where that cuts the bucket; `value` is the JSON token that ThingsBoard wrote. */
export interface JsonPoint {
  readonly ts: number
  readonly value: string
}

export interface BucketQuery extends Bucketing {
  readonly deviceId: string
  readonly key: string
  readonly range: TimeRange
  readonly order: Order
  /** Buckets that the first call covers: fewer than ThingsBoard allows when only few are wanted. */
  readonly first?: number
}

interface Reading {
  readonly range: TimeRange
  readonly most: number
}

/** ThingsBoard computes at least one bucket of a second. */
const minStep = 1000

const pageOf = (key: string, buckets: ReadonlyArray<JsonPoint>): HistoryPage =>
  scan(Buffer.from(`{${JSON.stringify(key)}:[${buckets.map(({ ts, value }) => `{"ts":${ts},"value":${value}}`).join(",")}]}`))

/** Buckets of a run's answer, which has the filled ones only, oldest first. An answer that does not fit the run throws. */
const bucketsOf = ({ end, start, step }: Segment, page: HistoryPage): Array<JsonPoint> => {
  const buckets: Array<JsonPoint> = []
  for (let row = 0; row < page.count; row++) {
    const at = page.ts[row]!
    const ts = start + Math.floor((at - start) / step) * step
    if (page.series.length > 1 || at < start || at >= end || ts <= (buckets.at(-1)?.ts ?? -1)) throw new Error("not the run's buckets")
    buckets.push({ ts, value: page.token(row) })
  }
  return buckets
}

export class Aggregates extends Context.Service<
  Aggregates,
  {
    /** The filled buckets of one key, a chunk a call, in the order asked. Where there are none for long, the way to the next point is skipped. */
    readonly chunks: (query: BucketQuery) => Stream.Stream<ReadonlyArray<JsonPoint>, ThingsBoardError>
    /** As `History.pages`: keys in the order given, oldest first, the first call made before the stream is there. */
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

      const fetchRun = Effect.fnUntraced(function* ({ agg, deviceId, key }: BucketQuery, run: Segment) {
        const { end, start, step } = run
        const bytes = yield* thingsBoard.history({
          deviceId,
          keys: [key],
          start,
          end,
          agg,
          interval: Math.max(step, minStep),
          order: "ASC"
        })
        return yield* Effect.try({ try: () => bucketsOf(run, scan(bytes)), catch: () => invalidResponse() })
      })

      /** What is left of a range from its first point on, or up to its last one. */
      const skipped = Effect.fnUntraced(function* ({ deviceId, grid, key, order }: BucketQuery, { end, start }: TimeRange) {
        const bytes = yield* thingsBoard.history({ deviceId, keys: [key], start, end, limit: 1, order })
        const page = yield* Effect.try({ try: () => scan(bytes), catch: () => invalidResponse() })
        if (page.count === 0) return { start: end, end }
        const ts = page.ts[0]!
        if (ts < start || ts >= end) return yield* invalidResponse()
        const from = grid.floor(ts)
        return order === "ASC" ? { start: Math.max(start, from), end } : { start, end: Math.min(end, grid.next(from)) }
      })

      const step = (query: BucketQuery) =>
        Effect.fnUntraced(function* ({ most, range }: Reading) {
          const { grid, order } = query
          const run = (order === "ASC" ? firstSegment : lastSegment)(grid, range.start, range.end, most)
          const buckets = yield* fetchRun(query, run)
          yield* nextTurn
          const rest = order === "ASC" ? { start: run.end, end: range.end } : { start: range.start, end: run.start }
          const left = buckets.length > 0 || rest.start >= rest.end ? rest : yield* skipped(query, rest)
          const next = left.start < left.end ? Option.some<Reading>({ range: left, most: maxBuckets }) : Option.none<Reading>()
          const chunk = order === "ASC" ? buckets : buckets.toReversed()
          return [chunk.length === 0 ? [] : [chunk], next] as const
        })

      const steadily = (query: BucketQuery, from: Reading) => {
        const one = step(query)
        return Stream.paginate<Reading, ReadonlyArray<JsonPoint>, ThingsBoardError, never>(from, (reading) => retryTransient(one(reading)))
      }

      const chunks = (query: BucketQuery) =>
        query.range.start >= query.range.end
          ? Stream.empty
          : Stream.paginate<Reading, ReadonlyArray<JsonPoint>, ThingsBoardError, never>(
              { range: query.range, most: Math.min(maxBuckets, query.first ?? maxBuckets) },
              step(query)
            )

      const pages = Effect.fnUntraced(function* ({ deviceId, keys, range }: HistoryQuery, bucketing: Bucketing) {
        const ofKey = (key: string) => ({ ...bucketing, deviceId, key, range, order: "ASC" }) as const
        const [first, ...others] = keys
        if (first === undefined || range.start >= range.end) return Stream.empty
        const [opening, rest] = yield* step(ofKey(first))({ range, most: maxBuckets })
        const ofFirst = Stream.fromIterable(opening).pipe(
          Stream.concat(Option.match(rest, { onNone: () => Stream.empty, onSome: (reading) => steadily(ofKey(first), reading) })),
          Stream.map((buckets) => pageOf(first, buckets))
        )
        const ofOthers = Stream.fromIterable(others).pipe(
          Stream.flatMap((key) => Stream.map(steadily(ofKey(key), { range, most: maxBuckets }), (buckets) => pageOf(key, buckets)))
        )
        return Stream.concat(ofFirst, ofOthers)
      })

      return { chunks, pages }
    })
  )
}
