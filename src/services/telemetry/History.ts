/**
 * The complete history of a device's keys, page by page: no point is lost or duplicated, and memory stays constant.
 *
 * In ThingsBoard `(key, ts)` is unique and `startTs` is inclusive, so the page after one that ends at `t` starts at `t + 1`. The end of the
 * range is fixed before the first page. The size of a page follows from the bytes of the previous one: few calls for numbers, flat memory
 * for large values. A response that is larger than expected is not read to its end: the points that arrived completely are the page.
 */
import { Context, Effect, Fiber, Layer, Option, type Scope, Stream } from "effect"
import type { TimeRange } from "../../domain/Telemetry.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { GcPressure } from "../../platform/GcPressure.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { HistoryPage, scan, scanInSteps, scanPrefix } from "../../thingsboard/responses/HistoryPage.ts"
import { readOrFail, ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { invalidResponse, ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import { ReadLimit } from "./ReadLimit.ts"

export interface HistoryQuery {
  readonly deviceId: string
  readonly keys: ReadonlyArray<string>
  readonly range: TimeRange
}

/** Rows of the first page of a key: few, so that the first byte is sent soon. */
const firstLimit = 2000
const maxRows = 50_000
/** Target size of a page: small enough for four exports in 200 MB, large enough that the latency of a call matters little. */
const targetBytes = 512 * 1024
/** Where the reading of a page ends. Only a page after one with much smaller values becomes so large. */
const maxPageBytes = 4 * 1024 * 1024

interface PageRequest {
  readonly keyIndex: number
  readonly start: number
  readonly limit: number
}

interface PendingPage extends PageRequest {
  readonly page: Effect.Effect<ReadPage, ThingsBoardError>
}

/** A response, or its beginning. */
interface Fetched {
  readonly bytes: Buffer
  readonly isStopped: boolean
}

interface ReadPage {
  readonly page: HistoryPage
  /** Whether the key may have more points. */
  readonly hasMore: boolean
}

/** Returns whether the response is complete. */
function* scanLarge(bytes: Uint8Array, isStopped: boolean, columns: HistoryPage, isTurnOver: IsTurnOver): Steps<boolean> {
  if (isStopped) return yield* scanPrefix(bytes, columns, isTurnOver)
  yield* scanInSteps(bytes, columns, isTurnOver)
  return true
}

export class History extends Context.Service<
  History,
  {
    /**
     * Pages of one key each, keys in the given order, oldest points first. Each page overwrites the previous one.
     * The first page is fetched before the stream is returned, so that its failure can still be reported as an HTTP status.
     */
    readonly pages: (query: HistoryQuery) => Effect.Effect<Stream.Stream<HistoryPage, ThingsBoardError>, ThingsBoardError>
  }
>()("boardwalk/services/telemetry/History") {
  static readonly layer = Layer.effect(
    History,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const { isTurnOver, nextTurn, run } = yield* EventLoop
      const gcPressure = yield* GcPressure

      const fetchPage = ({ deviceId, keys, range }: HistoryQuery, { keyIndex, limit, start }: PageRequest) =>
        Effect.suspend(() => {
          const request = { deviceId, keys: [keys[keyIndex]!], start, end: range.end, limit, order: "ASC" } as const
          // A single point is read to its end: it cannot be split.
          const meter = limit === 1 ? undefined : new ReadLimit(maxPageBytes).meter()
          return Effect.map(thingsBoard.history(request, meter), (bytes): Fetched => ({ bytes, isStopped: meter?.isStopped() === true }))
        })

      const nextRequest = ({ keys, range }: HistoryQuery, request: PageRequest, { hasMore, page }: ReadPage): PageRequest | undefined => {
        const start = page.count === 0 ? range.end : page.ts[page.count - 1]! + 1
        if (hasMore && start < range.end) {
          const limit = Math.min(maxRows, Math.max(1, Math.floor((targetBytes * page.count) / page.bytes.length)))
          return { keyIndex: request.keyIndex, start, limit }
        }
        return request.keyIndex + 1 < keys.length ? { keyIndex: request.keyIndex + 1, start: range.start, limit: firstLimit } : undefined
      }

      /** Rejects pages of an upstream that ignores the key, the range or the order, since rows would be lost or duplicated silently. */
      const matchesRequest = ({ keys, range }: HistoryQuery, { keyIndex, start }: PageRequest, { count, series, ts }: HistoryPage) => {
        if (series.length > 1 || (series[0] !== undefined && series[0].key !== keys[keyIndex])) return false
        for (let row = 0, min = start; row < count; row++) {
          if (!(ts[row]! >= min && ts[row]! < range.end)) return false
          min = ts[row]! + 1
        }
        return true
      }

      /** Most pages are short enough for one turn. */
      const scanPage = ({ bytes, isStopped }: Fetched, columns: HistoryPage): Effect.Effect<boolean, ThingsBoardError> => {
        if (!isStopped && bytes.length <= 2 * targetBytes)
          return Effect.try({ try: () => scan(bytes, columns) === columns, catch: () => invalidResponse() })
        return Effect.flatMap(
          run(() => readOrFail(scanLarge(bytes, isStopped, columns, isTurnOver))),
          (isComplete) => (isComplete instanceof ThingsBoardError ? Effect.fail(isComplete) : Effect.succeed(isComplete))
        )
      }

      const readPage = (
        query: HistoryQuery,
        request: PageRequest,
        fetched: Effect.Effect<Fetched, ThingsBoardError>,
        columns: HistoryPage
      ): Effect.Effect<ReadPage, ThingsBoardError> =>
        Effect.flatMap(Effect.tap(fetched, nextTurn), (response) => {
          gcPressure.discard(2 * response.bytes.length) // the response, and the bytes of the file made of it
          return scanPage(response, columns).pipe(
            Effect.map((isComplete): ReadPage => ({ page: columns, hasMore: !isComplete || columns.count >= request.limit })),
            Effect.filterOrFail(
              ({ page }) => matchesRequest(query, request, page),
              () => invalidResponse()
            ),
            Effect.flatMap((read) => {
              if (read.page.count > 0 || !read.hasMore) return Effect.succeed(read)
              // Not even one point arrived.
              const single = { ...request, limit: 1 }
              return readPage(query, single, fetchPage(query, single), columns)
            })
          )
        })

      const pages = Effect.fnUntraced(function* (query: HistoryQuery) {
        if (query.keys.length === 0 || query.range.start >= query.range.end) return Stream.empty
        const columns = new HistoryPage()
        const firstRequest: PageRequest = { keyIndex: 0, start: query.range.start, limit: firstLimit }
        const firstPage = yield* readPage(query, firstRequest, fetchPage(query, firstRequest), columns)

        const step = (scope: Scope.Scope) =>
          Effect.fnUntraced(function* (pending: PendingPage) {
            const read = yield* pending.page
            const { page } = read
            const request = nextRequest(query, pending, read)
            if (request === undefined) return [[page], Option.none<PendingPage>()] as const
            const fetched = fetchPage(query, request)
            // In the scope of the stream, so that a client that disconnects interrupts the fetch.
            const ahead = yield* Effect.forkIn(fetched, scope, { startImmediately: true })
            const next = retryTransient(readPage(query, request, Fiber.join(ahead), columns), readPage(query, request, fetched, columns))
            return [[page], Option.some<PendingPage>({ ...request, page: next })] as const
          })

        return Stream.unwrap(
          Effect.map(Effect.scope, (scope) =>
            Stream.paginate<PendingPage, HistoryPage, ThingsBoardError, never>(
              { ...firstRequest, page: Effect.succeed(firstPage) },
              step(scope)
            )
          )
        )
      })
      return { pages }
    })
  )
}
