/**
 * All history of a device's keys, page after page: nothing lost, nothing doubled, in constant memory.
 *
 * ThingsBoard's `(key, ts)` is unique and `startTs` is in the range, so the page after one that ends at `t` starts at `t + 1`.
 * The end is frozen before the first page. Pages are sized by the bytes of the page before: few calls for numbers, flat memory for large values.
 */
import { Context, Effect, Fiber, Layer, Option, type Scope, Stream } from "effect"
import type { TimeRange } from "../../domain/Telemetry.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { GcPressure } from "../../platform/GcPressure.ts"
import { HistoryPage, scan } from "../../thingsboard/responses/HistoryPage.ts"
import { needsRepeatedKey } from "../../thingsboard/Paths.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { invalidResponse, type ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"

export interface HistoryQuery {
  readonly deviceId: string
  readonly keys: ReadonlyArray<string>
  readonly range: TimeRange
}

/** Rows a page: the first is small so that the first byte comes soon. */
const firstLimit = 2000
const maxRows = 50_000
const minRows = 10
/** Bytes a page is aimed at: small enough for four exports in 200 MB, large enough that latency is paid seldom. */
const pageBytes = 512 * 1024

interface PageRequest {
  readonly keyIndex: number
  readonly start: number
  readonly limit: number
}

interface PendingPage extends PageRequest {
  readonly page: Effect.Effect<HistoryPage, ThingsBoardError>
}

export class History extends Context.Service<
  History,
  {
    /**
     * The pages, each of one key, keys in the order given, points ascending. The page before is overwritten by the next one.
     * The first page is fetched before the stream is there, so that its failure can still be an HTTP status.
     */
    readonly pages: (query: HistoryQuery) => Effect.Effect<Stream.Stream<HistoryPage, ThingsBoardError>, ThingsBoardError>
  }
>()("boardwalk/services/telemetry/History") {
  static readonly layer = Layer.effect(
    History,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const { nextTurn } = yield* EventLoop
      const gcPressure = yield* GcPressure

      const fetchPage = ({ deviceId, keys, range }: HistoryQuery, { keyIndex, limit, start }: PageRequest) =>
        thingsBoard.history({ deviceId, keys: [keys[keyIndex]!], start, end: range.end, limit, order: "ASC" })

      const following = ({ keys, range }: HistoryQuery, ask: PageRequest, page: HistoryPage): PageRequest | undefined => {
        const next = page.count === 0 ? range.end : page.ts[page.count - 1]! + 1
        if (page.count >= ask.limit && next < range.end) {
          const limit = Math.min(maxRows, Math.max(minRows, Math.floor((pageBytes * page.count) / page.bytes.length)))
          return { keyIndex: ask.keyIndex, start: next, limit }
        }
        return ask.keyIndex + 1 < keys.length ? { keyIndex: ask.keyIndex + 1, start: range.start, limit: firstLimit } : undefined
      }

      /** An upstream that ignored the key, the range or the order would lose or double rows silently: its page is refused. */
      const isAsked = ({ keys, range }: HistoryQuery, { keyIndex, start }: PageRequest, { count, series, ts }: HistoryPage) => {
        if (series.length > 1 || (series[0] !== undefined && series[0].key !== keys[keyIndex])) return false
        for (let row = 0, least = start; row < count; row++) {
          if (!(ts[row]! >= least && ts[row]! < range.end)) return false
          least = ts[row]! + 1
        }
        return true
      }

      const read = (query: HistoryQuery, ask: PageRequest, fetched: Effect.Effect<Buffer, ThingsBoardError>, columns: HistoryPage) =>
        Effect.flatMap(Effect.tap(fetched, nextTurn), (bytes) => {
          gcPressure.discard(2 * bytes.length) // the response, and the file made of it
          return Effect.try({ try: () => scan(bytes, columns), catch: () => invalidResponse() }).pipe(
            Effect.filterOrFail(
              (page) => isAsked(query, ask, page),
              () => invalidResponse()
            )
          )
        })

      /** A key that this release cannot be asked for fails before the first byte, rather than in the middle. */
      const ifNameable = ({ deviceId, keys, range }: HistoryQuery) => {
        const awkward = keys.find((key) => needsRepeatedKey([key]))
        return awkward === undefined
          ? Effect.void
          : thingsBoard.history({ deviceId, keys: [awkward], start: range.start, end: range.end, limit: 1, order: "ASC" })
      }

      const pages = Effect.fnUntraced(function* (query: HistoryQuery) {
        if (query.keys.length === 0 || query.range.start >= query.range.end) return Stream.empty
        yield* ifNameable(query)
        const columns = new HistoryPage()
        const firstAsk: PageRequest = { keyIndex: 0, start: query.range.start, limit: firstLimit }
        const firstPage = yield* read(query, firstAsk, fetchPage(query, firstAsk), columns)

        const step = (scope: Scope.Scope) =>
          Effect.fnUntraced(function* (asked: PendingPage) {
            const page = yield* asked.page
            const ask = following(query, asked, page)
            if (ask === undefined) return [[page], Option.none<PendingPage>()] as const
            const fetched = fetchPage(query, ask)
            // The stream's own scope: a client that leaves interrupts the fetch.
            const ahead = yield* Effect.forkIn(fetched, scope, { startImmediately: true })
            const next = retryTransient(read(query, ask, Fiber.join(ahead), columns), read(query, ask, fetched, columns))
            return [[page], Option.some<PendingPage>({ ...ask, page: next })] as const
          })

        return Stream.unwrap(
          Effect.map(Effect.scope, (scope) =>
            Stream.paginate<PendingPage, HistoryPage, ThingsBoardError, never>(
              { ...firstAsk, page: Effect.succeed(firstPage) },
              step(scope)
            )
          )
        )
      })
      return { pages }
    })
  )
}
