/**
 * The complete history of a device's keys, page by page: no point is lost or duplicated, and memory stays constant.
 *
 * In ThingsBoard `(key, ts)` is unique and `startTs` is inclusive, so the page after one that ends at `t` starts at `t + 1`. The end of the
 * range is fixed before the first page. The first call reads all keys; `HistoryWalk` says what is read next. The size of a page follows
 * from the bytes of the previous one: few calls for numbers, flat memory for large values. A response that is larger than expected is not
 * read to its end: the points that arrived completely are the page.
 */
import { Context, Effect, Fiber, Layer, Option, type Scope, Stream } from "effect"
import { EventLoop } from "../../platform/EventLoop.ts"
import { GcPressure } from "../../platform/GcPressure.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { HistoryPage, type HistoryRows, scan, scanInSteps, scanPrefix } from "../../thingsboard/responses/HistoryPage.ts"
import { readOrFail, ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { invalidResponse, ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import { type HistoryQuery, HistoryWalk, type PageRequest, type ReadPage, targetBytes } from "./HistoryWalk.ts"
import { ReadLimit } from "./ReadLimit.ts"

/** Where the reading of a page ends. Only a page after one with much smaller values becomes so large. */
const maxPageBytes = 4 * 1024 * 1024

interface PendingPage {
  readonly request: PageRequest
  readonly page: Effect.Effect<ReadPage, ThingsBoardError>
}

/** What comes next: a page, or the rest of the one before. */
type Pending = PendingPage | "resume"

/** A response, or its beginning. */
interface Fetched {
  readonly bytes: Buffer
  readonly isStopped: boolean
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
     * All rows of the first key, then those of the second, and so on; oldest points first. Rows are valid until the next ones are pulled.
     * The first page is fetched before the stream is returned, so that its failure can still be reported as an HTTP status.
     */
    readonly pages: (
      query: HistoryQuery,
      maxBytes?: number
    ) => Effect.Effect<Stream.Stream<HistoryRows, ThingsBoardError>, ThingsBoardError>
  }
>()("boardwalk/services/telemetry/History") {
  static readonly layer = Layer.effect(
    History,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const { isTurnOver, nextTurn, run } = yield* EventLoop
      const gcPressure = yield* GcPressure

      /** Most pages are short enough for one turn. */
      const scanPage = ({ bytes, isStopped }: Fetched, columns: HistoryPage): Effect.Effect<boolean, ThingsBoardError> => {
        if (!isStopped && bytes.length <= 2 * targetBytes)
          return Effect.try({ try: () => scan(bytes, columns) === columns, catch: () => invalidResponse() })
        return Effect.flatMap(
          run(() => readOrFail(scanLarge(bytes, isStopped, columns, isTurnOver))),
          (isComplete) => (isComplete instanceof ThingsBoardError ? Effect.fail(isComplete) : Effect.succeed(isComplete))
        )
      }

      const pages = Effect.fnUntraced(function* (query: HistoryQuery, maxBytes: number = maxPageBytes) {
        const { deviceId, keys, range } = query
        if (keys.length === 0 || range.start >= range.end) return Stream.empty
        const walk = new HistoryWalk(query, maxBytes)
        /** A page of all keys is kept while one of them is read further. */
        const [shared, single] = [new HistoryPage(), new HistoryPage()]

        const fetchPage = ({ keys, limit, start }: PageRequest) =>
          Effect.suspend(() => {
            const request = { deviceId, keys, start, end: range.end, limit, order: "ASC" } as const
            // A single point is read to its end: it cannot be split.
            const meter = limit === 1 && keys.length === 1 ? undefined : new ReadLimit(maxBytes).meter()
            return Effect.map(thingsBoard.history(request, meter), (bytes): Fetched => ({ bytes, isStopped: meter?.isStopped() === true }))
          })

        const readPage = (
          request: PageRequest,
          fetched: Effect.Effect<Fetched, ThingsBoardError>
        ): Effect.Effect<ReadPage, ThingsBoardError> =>
          Effect.flatMap(Effect.tap(fetched, nextTurn), (response) => {
            gcPressure.discard(2 * response.bytes.length) // the response, and the bytes of the file made of it
            const page = request.isContinuation ? single : shared
            return scanPage(response, page).pipe(
              Effect.map((isComplete): ReadPage => ({ page, limit: request.limit, isComplete })),
              Effect.filterOrFail(
                () => walk.matches(request, page),
                () => invalidResponse()
              ),
              Effect.flatMap((read) => {
                if (page.count > 0 || read.isComplete || request.keys.length > 1) return Effect.succeed(read)
                // Not even one point arrived.
                const onePoint = { ...request, limit: 1 }
                return readPage(onePoint, fetchPage(onePoint))
              })
            )
          })

        const first = walk.first
        const firstPage = yield* readPage(first, fetchPage(first))

        const step = (scope: Scope.Scope) =>
          Effect.fnUntraced(function* (pending: Pending) {
            if (pending === "resume") yield* nextTurn
            const { next, rows } = pending === "resume" ? walk.passOn() : walk.advance(pending.request, yield* pending.page)
            if (next === undefined) return [rows, Option.none<Pending>()] as const
            if (next === "resume") return [rows, Option.some<Pending>(next)] as const
            const fetched = fetchPage(next)
            // In the scope of the stream, so that a client that disconnects interrupts the fetch.
            const ahead = yield* Effect.forkIn(fetched, scope, { startImmediately: true })
            const page = retryTransient(readPage(next, Fiber.join(ahead)), readPage(next, fetched))
            return [rows, Option.some<Pending>({ request: next, page })] as const
          })

        return Stream.unwrap(
          Effect.map(Effect.scope, (scope) =>
            Stream.paginate<Pending, HistoryRows, ThingsBoardError, never>({ request: first, page: Effect.succeed(firstPage) }, step(scope))
          )
        )
      })
      return { pages }
    })
  )
}
