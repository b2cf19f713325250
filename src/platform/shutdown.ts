/**
 * How a server stops: it says that it is not ready while it still accepts requests, so that a load balancer stops sending some, then it
 * finishes the requests in flight, and reports those that did not finish in time.
 */
import { Context, Duration, Effect, Layer, Metric } from "effect"
import { CurrentProgram } from "./Runtime.ts"

/** What a shutdown needs to know of a server. */
export interface Stoppable {
  /** Requests in flight. */
  readonly pending: () => number
  /** Stops listening and waits for the requests in flight; `abruptly` closes all connections. */
  readonly stop: (abruptly: boolean) => Promise<unknown>
}

/** A response that is still being written. */
export interface OpenStream {
  readonly id: string
  readonly method: string
  readonly path: string
}

/** What a server and its readiness know about its shutdown. */
export interface ShutdownState {
  /** Whether the server has been asked to stop. */
  hasBegun: boolean
  readonly openStreams: Set<OpenStream>
}

export const makeShutdownState = (): ShutdownState => ({ hasBegun: false, openStreams: new Set() })

export class Shutdown extends Context.Service<Shutdown, ShutdownState>()("boardwalk/platform/Shutdown") {
  static readonly layer = Layer.sync(Shutdown, makeShutdownState)
}

const cutOffTotal = Metric.counter("boardwalk_requests_cut_off_total", {
  description: "Requests that were still in flight when the time for a shutdown was over.",
  incremental: true
})

/** So many streams are named in the log; the number counts all. */
const maxNamed = 100

const reportCutOff = Effect.fnUntraced(function* (requests: number, streams: ReadonlyArray<OpenStream>) {
  const program = yield* CurrentProgram
  program.isIncomplete = true
  yield* Metric.update(cutOffTotal, requests)
  yield* Effect.logWarning("Requests were cut off: the time for the shutdown is over", { requests })
  for (const { id, method, path } of streams.slice(0, maxNamed))
    yield* Effect.logWarning("Stream cut off by the shutdown", { request_id: id, method, path })
})

export interface ShutdownTimes {
  /** How long the server still accepts requests after it has been asked to stop. */
  readonly delay: Duration.Input
  /** How long requests in flight may take after that. */
  readonly drain: Duration.Input
}

export const stopGracefully = Effect.fnUntraced(function* (shutdown: ShutdownState, server: Stoppable, times: ShutdownTimes) {
  shutdown.hasBegun = true
  const fields = { requests: server.pending(), delay_ms: Duration.toMillis(times.delay) }
  yield* fields.requests + fields.delay_ms > 0 ? Effect.logInfo("Shutting down", fields) : Effect.logDebug("Shutting down", fields)
  yield* Effect.sleep(times.delay)
  const stop = (abruptly: boolean) => Effect.promise(() => server.stop(abruptly))
  yield* stop(false).pipe(
    Effect.interruptible, // a release is uninterruptible, so the deadline could not interrupt it
    Effect.timeoutOrElse({
      duration: times.drain,
      orElse: () =>
        Effect.suspend(() => {
          const pending = server.pending()
          const streams = [...shutdown.openStreams]
          return Effect.andThen(stop(true), pending === 0 ? Effect.void : reportCutOff(pending, streams))
        })
    })
  )
})
