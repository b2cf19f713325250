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
import { ReadAhead } from "./ReadAhead.ts"
import { ReadLimit } from "./ReadLimit.ts"

/** Where the reading of a page ends. Only a page after one with much smaller values becomes so large. */
const maxPageBytes = 4 * 1024 * 1024

interface PendingPage {
  readonly request: PageRequest
  readonly page: Effect.Effect<ReadPage, ThingsBoardError>
}

/** What comes next: a page, or the rest of the one before. */
type Pending = PendingPage | "resume"

/** A call in progress. */
interface Fetching {
  readonly request: PageRequest
  readonly fiber: Fiber.Fiber<Fetched, ThingsBoardError>
}

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

        const fetchPage = ({ end, keys, limit, start }: PageRequest) =>
          Effect.suspend(() => {
            const request = { deviceId, keys, start, end, limit, order: "ASC" } as const
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

        const readAhead = new ReadAhead()
        /** The fetch of the page after the next one. */
        let second: Fetching | undefined

        const timed = (request: PageRequest) =>
          Effect.suspend(() => {
            const startedAt = performance.now()
            return Effect.tap(fetchPage(request), () => Effect.sync(() => readAhead.recordFetch(performance.now() - startedAt)))
          })
        // In the scope of the stream, so that a client that disconnects interrupts the fetch.
        const startFetch = (request: PageRequest, scope: Scope.Scope): Effect.Effect<Fetching> =>
          Effect.map(Effect.forkIn(timed(request), scope, { startImmediately: true }), (fiber) => ({ request, fiber }))

        /** Uses the fetch that was started ahead, or starts one, and starts the one after it if that pays off. */
        const fetchNext = Effect.fnUntraced(function* (next: PageRequest, scope: Scope.Scope) {
          const isAhead = second?.request.start === next.start && second.request.keys[0] === next.keys[0]
          const isSecondOpen = second !== undefined && !isAhead
          const canReadAhead = next.isContinuation && !isSecondOpen && readAhead.isWorthwhile
          const current = isAhead ? second! : yield* startFetch(canReadAhead ? readAhead.bound(next) : next, scope)
          if (isAhead) second = undefined
          if (canReadAhead && current.request.end < range.end)
            second = yield* startFetch(readAhead.bound({ ...next, start: current.request.end, end: range.end }), scope)
          return current
        })

        /** The last page, and the last one of several keys. */
        let lastPage = { request: first, read: firstPage }
        let sharedPage = lastPage
        const observe = (key: string) => {
          const { read, request } = lastPage.request.keys[0] === key ? lastPage : sharedPage
          const series = read.page.series.find((found) => found.key === key)
          readAhead.observe(read.page.ts, series?.from ?? 0, series?.to ?? 0, request.isContinuation && request.end < range.end)
        }

        let passedOnAt = Number.NaN
        const step = (scope: Scope.Scope) =>
          Effect.fnUntraced(function* (pending: Pending) {
            if (pending === "resume") yield* nextTurn
            else {
              readAhead.recordWrite(performance.now() - passedOnAt)
              lastPage = { request: pending.request, read: yield* pending.page }
              if (!pending.request.isContinuation) sharedPage = lastPage
              passedOnAt = performance.now()
            }
            const { next, rows } = pending === "resume" ? walk.passOn() : walk.advance(pending.request, lastPage.read)
            if (next === undefined) return [rows, Option.none<Pending>()] as const
            if (next === "resume") return [rows, Option.some<Pending>(next)] as const
            if (next.isContinuation) observe(next.keys[0]!)
            const { fiber, request } = yield* fetchNext(next, scope)
            const page = retryTransient(readPage(request, Fiber.join(fiber)), readPage(request, fetchPage(request)))
            return [rows, Option.some<Pending>({ request, page })] as const
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
