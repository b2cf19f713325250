/**
 * Pages of points. Each key has a position of its own, since times are unique within a key only; the range is frozen by the first page:
 * a loop over pages gives every point once, also while new ones come in.
 */
import { Clock, Context, Effect, Layer, Semaphore, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import { type EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { Aggregation, Order, TimeRange } from "../../domain/Telemetry.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { type HistoryPage, scan } from "../../thingsboard/responses/HistoryPage.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { invalidResponse, type ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
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
  /** Points a key. */
  readonly limit: number
  readonly order: Order
  readonly agg?: Aggregation | undefined
  readonly interval?: Interval | undefined
  readonly timezone?: string | undefined
  readonly cursor?: string | undefined
}

export interface TelemetryPage {
  /** What was read, with what the request left open filled in. */
  readonly keys: ReadonlyArray<string>
  readonly range: TimeRange
  readonly agg: Aggregation
  /** `{"key":[{"ts":…,"value":…},…],…}`: all keys as asked, every token as ThingsBoard wrote it. */
  readonly json: string
  readonly points: number
  /** Keys that hold values, at whatever time, and those that do not. */
  readonly found: ReadonlyArray<string>
  readonly missing: ReadonlyArray<string>
  readonly next: string | undefined
}

/** What is read when no range is given. */
const span = 24 * 3_600_000

/** A page is made in memory: so many points of all keys together. */
const maxPoints = 100_000
/** Points of all pages that are made at once; other queries wait. */
const maxConcurrency = 400_000
/** Bytes of ThingsBoard's answers from which on the keys that are left wait for the next page: values may be large. */
const enoughBytes = 16 * 1024 * 1024

const checkAmount = (keys: number, limit: number) =>
  keys * limit <= maxPoints
    ? Effect.void
    : Effect.fail(
        new InvalidInput({
          errors: [
            { field: "limit", issue: `Expected at most ${Math.floor(maxPoints / keys)} for so many keys (${maxPoints} points a page)` }
          ]
        })
      )

/** A key of a page: what is left of its range, and the points of this page. */
interface KeyRead {
  readonly key: string
  readonly points: ReadonlyArray<JsonPoint>
  readonly position: number | null
}

/** What has been read for a page. */
interface Size {
  bytes: number
}

/** Where the reading of a range begins. */
const firstPosition = ({ end, start }: TimeRange, order: Order): number => (order === "ASC" ? start : end)

/** The next page begins with it where this one would have. */
const untouched = (key: string, range: TimeRange, order: Order): KeyRead => ({ key, points: [], position: firstPosition(range, order) })

const remaining = ({ end, start }: TimeRange, order: Order, position: number): TimeRange =>
  order === "ASC" ? { start: position, end } : { start, end: position }

/** One more point than fits was asked for: whether it came says whether there is a next page. */
const cut = (key: string, points: ReadonlyArray<JsonPoint>, { limit, order }: PageQuery, bucketing: Bucketing | undefined): KeyRead => {
  if (points.length <= limit) return { key, points, position: null }
  const last = points[limit - 1]!.ts
  const behind = bucketing === undefined ? last + 1 : bucketing.grid.next(bucketing.grid.floor(last))
  return { key, points: points.slice(0, limit), position: order === "ASC" ? behind : last }
}

const pointsOf = (page: HistoryPage, key: string, { end, start }: TimeRange, order: Order): ReadonlyArray<JsonPoint> => {
  const points: Array<JsonPoint> = []
  for (const { from, key: name, to } of page.series) {
    if (name !== key) throw new Error("not the key that was asked for")
    for (let row = from; row < to; row++) {
      const ts = page.ts[row]!
      const before = points.at(-1)?.ts
      const ordered = before === undefined || (order === "ASC" ? ts > before : ts < before)
      if (ts < start || ts >= end || !ordered) throw new Error("not the range or the order that was asked for")
      points.push({ ts, value: page.token(row) })
    }
  }
  return points
}

const seriesJson = (keys: ReadonlyArray<string>, reads: ReadonlyMap<string, KeyRead>) =>
  `{${keys
    .map(
      (key) =>
        `${JSON.stringify(key)}:[${(reads.get(key)?.points ?? []).map(({ ts, value }) => `{"ts":${ts},"value":${value}}`).join(",")}]`
    )
    .join(",")}}`

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
      const buckets = yield* Aggregates
      const telemetry = yield* Telemetry
      const thingsBoard = yield* ThingsBoard
      const memory = yield* Semaphore.make(maxConcurrency)

      /** By the cursor, else as asked, else the last 24 hours. */
      const cursorOf = Effect.fnUntraced(function* (query: PageQuery, common: string, keys: ReadonlyArray<string>) {
        if (query.cursor === undefined) {
          const end = query.end ?? (yield* Clock.currentTimeMillis)
          const range = { start: query.start ?? Math.max(0, end - span), end }
          yield* checkRange(range)
          return { range, positions: keys.map(() => firstPosition(range, query.order)) } satisfies Cursor
        }
        const cursor = yield* decodeCursor(common, query.cursor)
        const faults = (["start", "end"] as const)
          .filter((side) => query[side] !== undefined && query[side] !== cursor.range[side])
          .map((side) => ({ field: "cursor", issue: `Expected a cursor of the same ${side}_ts` }))
        return faults.length > 0 ? yield* new InvalidInput({ errors: faults }) : cursor
      })

      const readRaw = Effect.fnUntraced(function* ({ deviceId, limit, order }: PageQuery, key: string, range: TimeRange, size: Size) {
        const bytes = yield* thingsBoard.history({ deviceId, keys: [key], ...range, limit: limit + 1, order })
        size.bytes += bytes.length
        return yield* Effect.try({ try: () => pointsOf(scan(bytes), key, range, order), catch: () => invalidResponse() })
      })

      const readBuckets = ({ deviceId, limit, order }: PageQuery, bucketing: Bucketing, key: string, range: TimeRange) =>
        buckets
          .chunks({ ...bucketing, deviceId, key, range, order, first: limit + 1 })
          .pipe(Stream.flatMap(Stream.fromIterable), Stream.take(limit + 1), Stream.runCollect)

      return {
        page: Effect.fnUntraced(function* (query) {
          const { agg, deviceId, interval, limit, order, timezone } = query
          const keys = [...new Set(query.keys)]
          yield* checkAmount(keys.length, limit)
          const bucketing = yield* parseBucketing({ agg, interval, timezone })
          const common = JSON.stringify([deviceId.toLowerCase(), keys, limit, order, bucketing?.agg, interval, timezone])
          const { positions, range } = yield* cursorOf(query, common, keys)
          yield* access.requireVisible(deviceId)
          // Reading a key that does not exist makes ThingsBoard write it into its dictionary: only known ones are read.
          const known = new Set(yield* telemetry.keys(deviceId))
          const pending = keys.flatMap((key, i) => {
            const position = positions[i] ?? null
            return position === null || !known.has(key) ? [] : [{ key, rest: remaining(range, order, position) }]
          })
          const size: Size = { bytes: 0 }
          const read = (key: string, rest: TimeRange) =>
            Effect.map(bucketing === undefined ? readRaw(query, key, rest, size) : readBuckets(query, bucketing, key, rest), (points) =>
              cut(key, points, query, bucketing)
            )
          const reads = yield* memory.withPermits(keys.length * limit)(
            Effect.forEach(
              pending.filter(({ rest }) => rest.start < rest.end),
              ({ key, rest }) =>
                Effect.suspend(() => (size.bytes < enoughBytes ? read(key, rest) : Effect.succeed(untouched(key, rest, order)))),
              { concurrency: tbConcurrency }
            )
          )
          const byKey = new Map(reads.map((read) => [read.key, read]))
          const next = keys.map((key) => byKey.get(key)?.position ?? null)
          return {
            keys,
            range,
            agg: bucketing?.agg ?? "NONE",
            json: seriesJson(keys, byKey),
            points: reads.reduce((sum, { points }) => sum + points.length, 0),
            found: keys.filter((key) => known.has(key)),
            missing: keys.filter((key) => !known.has(key)),
            next: next.every((position) => position === null) ? undefined : encodeCursor(common, { range, positions: next })
          } satisfies TelemetryPage
        }, withServiceSpan("TelemetryQuery.page"))
      }
    })
  )
}
