/**
 * Pages of points. Each key has its own position, since times are unique only within a key. The first page fixes the range, so that a
 * client that reads all pages gets every point once, even while new points arrive.
 */
import { Clock, Context, Effect, Layer, Semaphore, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import { type EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { Aggregation, Order, TimeRange } from "../../domain/Telemetry.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { HistoryPage, ScanError, scanInSteps } from "../../thingsboard/responses/HistoryPage.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { type JsonPoint, Aggregates } from "./Aggregates.ts"
import { checkRange } from "./checkRange.ts"
import { type Cursor, encodeCursor, decodeCursor } from "./Cursor.ts"
import { type Bucketing, parseBucketing, type Interval } from "./bucketing.ts"
import { Telemetry } from "./Telemetry.ts"

export interface PageQuery {
  readonly deviceId: DeviceId
  readonly keys: ReadonlyArray<string>
  readonly start?: number | undefined
  readonly end?: number | undefined
  /** Maximum points per key. */
  readonly limit: number
  readonly order: Order
  readonly agg?: Aggregation | undefined
  readonly interval?: Interval | undefined
  readonly timezone?: string | undefined
  readonly cursor?: string | undefined
}

export interface TelemetryPage {
  /** The keys, range and aggregation that were read, defaults included. */
  readonly keys: ReadonlyArray<string>
  readonly range: TimeRange
  readonly agg: Aggregation
  /** `{"key":[{"ts":…,"value":…},…],…}` with all keys in the requested order, each token as ThingsBoard wrote it. */
  readonly json: string
  readonly pointCount: number
  /** The keys that have values, at any time. */
  readonly keysFound: ReadonlyArray<string>
  readonly keysMissing: ReadonlyArray<string>
  /** Undefined on the last page. */
  readonly nextCursor: string | undefined
}

/** The range that is read by default, in ms. */
const defaultDuration = 24 * 3_600_000

/** Maximum points per page, of all keys together: a page is built in memory. */
const maxPoints = 100_000
/** Maximum points of all pages that are built at the same time; further queries wait. */
const maxConcurrentPoints = 400_000
/** When the responses for a page reach this many bytes, because values are large, the remaining keys wait for the next page. */
const maxPageBytes = 16 * 1024 * 1024

const checkPageSize = (keys: number, limit: number) =>
  keys * limit <= maxPoints
    ? Effect.void
    : Effect.fail(
        new InvalidInput({
          errors: [
            {
              field: "limit",
              issue: `Expected at most ${Math.floor(maxPoints / keys)} for this number of keys (${maxPoints} points per page)`
            }
          ]
        })
      )

/** The part of a page that belongs to one key. */
interface KeyPage {
  readonly key: string
  readonly points: ReadonlyArray<JsonPoint>
  /** Where the next page continues; null if the range was read to its end. */
  readonly position: number | null
}

/** Bytes received so far for a page. */
interface ReceivedSize {
  bytes: number
}

/** The position at which reading a range begins. */
const startPosition = ({ end, start }: TimeRange, order: Order): number => (order === "ASC" ? start : end)

/** A key that was not read for this page: the next page reads the same range. */
const skipKey = (key: string, range: TimeRange, order: Order): KeyPage => ({ key, points: [], position: startPosition(range, order) })

const unreadRange = ({ end, start }: TimeRange, order: Order, position: number): TimeRange =>
  order === "ASC" ? { start: position, end } : { start, end: position }

/** Requests are for one point more than the page holds: there is a next page if it exists. */
const takePage = (
  key: string,
  points: ReadonlyArray<JsonPoint>,
  { limit, order }: PageQuery,
  bucketing: Bucketing | undefined
): KeyPage => {
  if (points.length <= limit) return { key, points, position: null }
  const last = points[limit - 1]!.ts
  const after = bucketing === undefined ? last + 1 : bucketing.boundaries.next(bucketing.boundaries.floor(last))
  return { key, points: points.slice(0, limit), position: order === "ASC" ? after : last }
}

/** Points between two looks at the clock. */
const perLook = 64

/** Throws a ScanError if ThingsBoard returned another key, range or order than requested. */
function* parsePoints(
  bytes: Uint8Array,
  key: string,
  { end, start }: TimeRange,
  order: Order,
  isTurnOver: IsTurnOver
): Steps<ReadonlyArray<JsonPoint>> {
  const page = yield* scanInSteps(bytes, new HistoryPage(), isTurnOver)
  const points: Array<JsonPoint> = []
  for (const { from, key: name, to } of page.series) {
    if (name !== key) throw new ScanError("the response does not match the requested key")
    for (let row = from; row < to; row++) {
      const ts = page.ts[row]!
      const previous = points.at(-1)?.ts
      const isInOrder = previous === undefined || (order === "ASC" ? ts > previous : ts < previous)
      if (ts < start || ts >= end || !isInOrder) throw new ScanError("the response does not match the requested range or order")
      points.push({ ts, value: page.token(row) })
      if (points.length % perLook === 0 && isTurnOver()) yield
    }
  }
  return points
}

function* renderSeries(keys: ReadonlyArray<string>, pages: ReadonlyMap<string, KeyPage>, isTurnOver: IsTurnOver): Steps<string> {
  const fields: Array<string> = []
  for (const key of keys) {
    const points: Array<string> = []
    for (const { ts, value } of pages.get(key)?.points ?? []) {
      points.push(`{"ts":${ts},"value":${value}}`)
      if (points.length % perLook === 0 && isTurnOver()) yield
    }
    fields.push(`${JSON.stringify(key)}:[${points.join(",")}]`)
    if (isTurnOver()) yield
  }
  return `{${fields.join(",")}}`
}

export class TelemetryQuery extends Context.Service<
  TelemetryQuery,
  {
    readonly page: (query: PageQuery) => Effect.Effect<TelemetryPage, EntityNotFound | InvalidInput | ThingsBoardError>
  }
>()("boardwalk/services/telemetry/TelemetryQuery") {
  static readonly layer = Layer.effect(
    TelemetryQuery,
    Effect.gen(function* () {
      const { tbConcurrency } = yield* Settings
      const access = yield* DeviceAccess
      const aggregates = yield* Aggregates
      const telemetry = yield* Telemetry
      const thingsBoard = yield* ThingsBoard
      const eventLoop = yield* EventLoop
      const permits = yield* Semaphore.make(maxConcurrentPoints)

      /** The position from the cursor; without one the start of the requested range, or of the last 24 hours. */
      const resolveCursor = Effect.fnUntraced(function* (query: PageQuery, common: string, keys: ReadonlyArray<string>) {
        if (query.cursor === undefined) {
          const end = query.end ?? (yield* Clock.currentTimeMillis)
          const range = { start: query.start ?? Math.max(0, end - defaultDuration), end }
          yield* checkRange(range)
          return { range, positions: keys.map(() => startPosition(range, query.order)) } satisfies Cursor
        }
        const cursor = yield* decodeCursor(common, query.cursor)
        const errors = (["start", "end"] as const)
          .filter((side) => query[side] !== undefined && query[side] !== cursor.range[side])
          .map((side) => ({ field: "cursor", issue: `Expected the same ${side}_ts as on the first page` }))
        return errors.length > 0 ? yield* new InvalidInput({ errors }) : cursor
      })

      const readPoints = Effect.fnUntraced(function* (
        { deviceId, limit, order }: PageQuery,
        key: string,
        range: TimeRange,
        size: ReceivedSize
      ) {
        const response = Effect.tap(thingsBoard.history({ deviceId, keys: [key], ...range, limit: limit + 1, order }), (bytes) =>
          Effect.sync(() => {
            size.bytes += bytes.length
          })
        )
        return yield* thingsBoard.readInSteps(response, (bytes, isTurnOver) => parsePoints(bytes, key, range, order, isTurnOver))
      })

      const readAggregates = ({ deviceId, limit, order }: PageQuery, bucketing: Bucketing, key: string, range: TimeRange) =>
        aggregates
          .chunks({ ...bucketing, deviceId, key, range, order, firstCallBuckets: limit + 1 })
          .pipe(Stream.flatMap(Stream.fromIterable), Stream.take(limit + 1), Stream.runCollect)

      return {
        page: Effect.fnUntraced(function* (query) {
          const { agg, deviceId, interval, limit, order, timezone } = query
          const keys = [...new Set(query.keys)]
          yield* checkPageSize(keys.length, limit)
          const bucketing = yield* parseBucketing({ agg, interval, timezone })
          const common = JSON.stringify([deviceId.toLowerCase(), keys, limit, order, bucketing?.agg, interval, timezone])
          const { positions, range } = yield* resolveCursor(query, common, keys)
          yield* access.requireVisible(deviceId)
          // Reading a key that does not exist makes ThingsBoard add it to its dictionary, so only existing keys are read.
          const existing = new Set(yield* telemetry.keys(deviceId))
          const pending = keys.flatMap((key, i) => {
            const position = positions[i] ?? null
            return position === null || !existing.has(key) ? [] : [{ key, rest: unreadRange(range, order, position) }]
          })
          const size: ReceivedSize = { bytes: 0 }
          const read = (key: string, rest: TimeRange) =>
            Effect.map(
              bucketing === undefined ? readPoints(query, key, rest, size) : readAggregates(query, bucketing, key, rest),
              (points) => takePage(key, points, query, bucketing)
            )
          const pages = yield* permits.withPermits(keys.length * limit)(
            Effect.forEach(
              pending.filter(({ rest }) => rest.start < rest.end),
              ({ key, rest }) =>
                Effect.suspend(() => (size.bytes < maxPageBytes ? read(key, rest) : Effect.succeed(skipKey(key, rest, order)))),
              { concurrency: tbConcurrency }
            )
          )
          const byKey = new Map(pages.map((page) => [page.key, page]))
          const nextPositions = keys.map((key) => byKey.get(key)?.position ?? null)
          return {
            keys,
            range,
            agg: bucketing?.agg ?? "NONE",
            json: yield* eventLoop.run(() => renderSeries(keys, byKey, eventLoop.isTurnOver)),
            pointCount: pages.reduce((sum, { points }) => sum + points.length, 0),
            keysFound: keys.filter((key) => existing.has(key)),
            keysMissing: keys.filter((key) => !existing.has(key)),
            nextCursor: nextPositions.every((position) => position === null)
              ? undefined
              : encodeCursor(common, { range, positions: nextPositions })
          } satisfies TelemetryPage
        }, withServiceSpan("TelemetryQuery.page"))
      }
    })
  )
}
