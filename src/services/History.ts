/**
 * All history of a device's keys, page after page: nothing lost, nothing doubled, in constant memory.
 *
 * ThingsBoard's `(key, ts)` is unique and `startTs` is in the range, so the page after one that ends at `t` starts at `t + 1`.
 * The end is frozen before the first page. Pages are sized by the bytes of the page before: few calls for numbers, flat memory for large values.
 */
import { Context, Effect, Fiber, Layer, Option, type Scope, Stream } from "effect"
import type { TimeRange } from "../domain/Telemetry.ts"
import { bytesWentBy } from "../platform/Memory.ts"
import { HistoryPage, scan } from "../thingsboard/HistoryPage.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import { badAnswer, type ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"
import { retrying } from "./retrying.ts"
import { turn } from "./turnstile.ts"

export interface HistoryQuery {
  readonly deviceId: string
  readonly keys: ReadonlyArray<string>
  readonly range: TimeRange
}

/** Rows a page: the first is small so that the first byte comes soon. */
const firstLimit = 2000
const mostRows = 50_000
const leastRows = 10
/** Bytes a page is aimed at: small enough for four exports in 200 MB, large enough that latency is paid seldom. */
const pageBytes = 512 * 1024

interface Ask {
  readonly keyIndex: number
  readonly start: number
  readonly limit: number
}

interface Asked extends Ask {
  readonly bytes: Effect.Effect<Buffer, ThingsBoardError>
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
>()("boardwalk/services/History") {
  static readonly layer = Layer.effect(
    History,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard

      const fetchPage = ({ deviceId, keys, range }: HistoryQuery, { keyIndex, limit, start }: Ask) =>
        retrying(thingsBoard.history({ deviceId, keys: [keys[keyIndex]!], start, end: range.end, limit, order: "ASC" }))

      const following = ({ keys, range }: HistoryQuery, ask: Ask, page: HistoryPage, size: number): Ask | undefined => {
        const next = page.count === 0 ? range.end : page.ts[page.count - 1]! + 1
        if (page.count >= ask.limit && next < range.end) {
          const limit = Math.min(mostRows, Math.max(leastRows, Math.floor((pageBytes * page.count) / size)))
          return { keyIndex: ask.keyIndex, start: next, limit }
        }
        return ask.keyIndex + 1 < keys.length ? { keyIndex: ask.keyIndex + 1, start: range.start, limit: firstLimit } : undefined
      }

      /** An upstream that ignored the order would lose rows silently: such a page is refused. */
      const inOrder = (ask: Ask, page: HistoryPage) =>
        page.series.length <= 1 && (page.count === 0 || (page.ts[0]! >= ask.start && page.ts[page.count - 1]! >= page.ts[0]!))

      const read = (columns: HistoryPage, ask: Ask, bytes: Buffer) =>
        Effect.try({ try: () => scan(bytes, columns), catch: () => badAnswer() }).pipe(
          Effect.filterOrFail(
            (page) => inOrder(ask, page),
            () => badAnswer()
          )
        )

      const pages = Effect.fnUntraced(function* (query: HistoryQuery) {
        if (query.keys.length === 0 || query.range.start >= query.range.end) return Stream.empty
        const firstAsk: Ask = { keyIndex: 0, start: query.range.start, limit: firstLimit }
        const firstBytes = yield* fetchPage(query, firstAsk)
        const columns = new HistoryPage()

        const step = (scope: Scope.Scope) =>
          Effect.fnUntraced(function* (asked: Asked) {
            const bytes = yield* asked.bytes
            yield* turn
            bytesWentBy(2 * bytes.length) // as they came, and as they are written
            const page = yield* read(columns, asked, bytes)
            const ask = following(query, asked, page, bytes.length)
            if (ask === undefined) return [[page], Option.none<Asked>()] as const
            // The stream's own scope: a client that leaves interrupts the fetch.
            const ahead = yield* Effect.forkIn(fetchPage(query, ask), scope, { startImmediately: true })
            return [[page], Option.some<Asked>({ ...ask, bytes: Fiber.join(ahead) })] as const
          })

        return Stream.unwrap(
          Effect.map(Effect.scope, (scope) =>
            Stream.paginate<Asked, HistoryPage, ThingsBoardError, never>({ ...firstAsk, bytes: Effect.succeed(firstBytes) }, step(scope))
          )
        )
      })
      return { pages }
    })
  )
}
