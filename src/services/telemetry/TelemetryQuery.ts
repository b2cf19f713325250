/**
 * Pages of points. Each key has its own position, since times are unique only within a key. The first page fixes the range, so that a
 * client that reads all pages gets every point once, even while new points arrive. A page has at most `limit` points per key, and ends
 * earlier where large values make it too large: the cursor continues at exactly the next point.
 */
import { Clock, Context, Effect, Layer, Semaphore, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import { type EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { Aggregation, Order, TimeRange } from "../../domain/Telemetry.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { type JsonPoint, Aggregates } from "./Aggregates.ts"
import { checkRange } from "./checkRange.ts"
import { encodeCursor, decodeCursor } from "./Cursor.ts"
import { type Bucketing, parseBucketing, type Interval } from "./bucketing.ts"
import { groupKeys, type KeyPage, skipKey, startPosition, takePoints, type UnreadKeys } from "./queryPoints.ts"
import { existingKeys, requireReadable } from "./readableKeys.ts"
import { ReadLimit } from "./ReadLimit.ts"
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
  /** `{"key":[{"ts":…,"value":…},…],…}` with all keys in the requested order, each token as ThingsBoard wrote it; in parts. */
  readonly json: ReadonlyArray<string | Uint8Array>
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
/** Where the reading of a page ends, because values are large. Points that did not arrive completely wait for the next page. */
const maxPageBytes = 16 * 1024 * 1024
/** With little memory, pages are smaller: each is in memory twice, and four of them should fit in what one key can have. */
const minPagesPerKey = 8

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

const unreadRange = ({ end, start }: TimeRange, order: Order, position: number): TimeRange =>
  order === "ASC" ? { start: position, end } : { start, end: position }

/** Where the page after one that ends with the point at `last` continues. */
const positionAfter = (last: number, order: Order, bucketing: Bucketing | undefined): number => {
  if (order === "DESC") return last
  return bucketing === undefined ? last + 1 : bucketing.boundaries.next(bucketing.boundaries.floor(last))
}

const renderAggregates = (points: ReadonlyArray<JsonPoint>) => points.map(({ ts, value }) => `{"ts":${ts},"value":${value}}`).join(",")

/** Requests are for one point more than the page holds: there is a next page if it exists. */
const takeAggregates = (
  key: string,
  points: ReadonlyArray<JsonPoint>,
  { limit, order }: PageQuery,
  bucketing: Bucketing | undefined
): KeyPage => {
  const taken = points.slice(0, limit)
  const position = points.length <= limit ? null : positionAfter(taken.at(-1)!.ts, order, bucketing)
  return { key, json: renderAggregates(taken), count: taken.length, position }
}

const renderSeries = (keys: ReadonlyArray<string>, pages: ReadonlyMap<string, KeyPage>): ReadonlyArray<string | Uint8Array> => [
  ...keys.flatMap((key, i) => [`${i === 0 ? "{" : "],"}${JSON.stringify(key)}:[`, pages.get(key)?.json ?? ""]),
  keys.length === 0 ? "{}" : "]}"
]

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
      const permits = yield* Semaphore.make(maxConcurrentPoints)

      /** The position from the cursor; without one the start of the requested range, or of the last 24 hours. */
      const resolveCursor = Effect.fnUntraced(function* (query: PageQuery, common: string, keys: ReadonlyArray<string>) {
        if (query.cursor === undefined) {
          const end = query.end ?? (yield* Clock.currentTimeMillis)
          const range = { start: query.start ?? Math.max(0, end - defaultDuration), end }
          yield* checkRange(range)
          return { range, positions: keys.map(() => startPosition(range, query.order)), missing: undefined }
        }
        const cursor = yield* decodeCursor(common, query.cursor)
        const errors = (["start", "end"] as const)
          .filter((side) => query[side] !== undefined && query[side] !== cursor.range[side])
          .map((side) => ({ field: "cursor", issue: `Expected the same ${side}_ts as on the first page` }))
        return errors.length > 0 ? yield* new InvalidInput({ errors }) : cursor
      })

      const readPoints = ({ deviceId, limit, order }: PageQuery, unread: UnreadKeys, readLimit: ReadLimit) =>
        Effect.suspend(() => {
          const meter = readLimit.meter()
          const requested = limit + 1
          return thingsBoard.readInSteps(
            thingsBoard.history({ deviceId, keys: unread.keys, ...unread.rest, limit: requested, order }, meter),
            (bytes, isTurnOver) => takePoints(bytes, { ...unread, limit, order, requested }, meter.isStopped(), isTurnOver)
          )
        })

      /** One point, however large it is: every page has at least one, unless there are none. */
      const readOnePoint = ({ deviceId, order }: PageQuery, key: string, rest: TimeRange) =>
        Effect.map(
          thingsBoard.readInSteps(thingsBoard.history({ deviceId, keys: [key], ...rest, limit: 1, order }), (bytes, isTurnOver) =>
            takePoints(bytes, { keys: [key], rest, limit: 1, order, requested: 1 }, false, isTurnOver)
          ),
          ([page]) => page!
        )

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
          const { missing, positions, range } = yield* resolveCursor(query, common, keys)
          yield* access.requireVisible(deviceId)
          yield* requireReadable(thingsBoard, keys, "keys")
          // Reading a key that does not exist makes ThingsBoard add it to its dictionary, so only existing keys are read.
          const missingKeys = missing === undefined ? undefined : new Set(missing.flatMap((i) => keys[i] ?? []))
          const named = missingKeys === undefined ? keys : keys.filter((key) => !missingKeys.has(key))
          const readable = new Set(
            yield* missingKeys === undefined
              ? Effect.map(telemetry.keysOfVisibleDevice(deviceId), (existing) => existingKeys(keys, existing))
              : telemetry.readableKeys(deviceId, named)
          )
          const existing = missingKeys === undefined ? readable : new Set(named)
          const pending = keys.flatMap((key, i) => {
            const position = positions[i] ?? null
            return position === null || !readable.has(key) ? [] : [{ key, rest: unreadRange(range, order, position) }]
          })
          const memory = yield* Effect.withFiber((fiber) => Effect.succeed(fiber.getRef(CurrentExchange)?.reservationFor("responses")))
          const readLimit = new ReadLimit(Math.min(maxPageBytes, (memory?.maxBytes ?? Number.POSITIVE_INFINITY) / minPagesPerKey))
          const unread = pending.filter(({ rest }) => rest.start < rest.end)
          const groups = bucketing === undefined ? groupKeys(unread) : unread.map(({ key, rest }) => ({ keys: [key], rest }))
          const read = (group: UnreadKeys): Effect.Effect<ReadonlyArray<KeyPage>, ThingsBoardError> => {
            if (bucketing === undefined) return readPoints(query, group, readLimit)
            const key = group.keys[0]!
            return Effect.map(readAggregates(query, bucketing, key, group.rest), (points) => [
              takeAggregates(key, points, query, bucketing)
            ])
          }
          const readOrSkip = (group: UnreadKeys) =>
            Effect.suspend(() =>
              readLimit.isReached ? Effect.succeed(group.keys.map((key) => skipKey(key, group.rest, order))) : read(group)
            )
          const readKeys = Effect.forEach(groups, readOrSkip, { concurrency: tbConcurrency }).pipe(
            Effect.map((groups) => groups.flat()),
            Effect.flatMap((pages): Effect.Effect<ReadonlyArray<KeyPage>, ThingsBoardError> => {
              const stuck = pages.findIndex(({ position }) => position !== null)
              if (stuck < 0 || pages.some(({ count }) => count > 0)) return Effect.succeed(pages)
              const { key, rest } = unread.find(({ key }) => key === pages[stuck]!.key)!
              memory?.release(memory.bytes) // nothing of what was read is used
              return Effect.map(readOnePoint(query, key, rest), (page) => pages.with(stuck, page))
            })
          )
          const pages = yield* permits.withPermits(keys.length * limit)(readKeys)
          const byKey = new Map(pages.map((page) => [page.key, page]))
          const nextPositions = keys.map((key) => byKey.get(key)?.position ?? null)
          return {
            keys,
            range,
            agg: bucketing?.agg ?? "NONE",
            json: renderSeries(keys, byKey),
            pointCount: pages.reduce((sum, { count }) => sum + count, 0),
            keysFound: keys.filter((key) => existing.has(key)),
            keysMissing: keys.filter((key) => !existing.has(key)),
            nextCursor: nextPositions.every((position) => position === null)
              ? undefined
              : encodeCursor(common, { range, missing: keys.flatMap((key, i) => (existing.has(key) ? [] : [i])), positions: nextPositions })
          } satisfies TelemetryPage
        }, withServiceSpan("TelemetryQuery.page"))
      }
    })
  )
}
