/** The middleware that injects faults into calls, and records all calls. */
import { Effect } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { Sessions } from "../auth/Sessions.ts"
import { type Fault, FaultInjection, type Outcome } from "./FaultInjection.ts"

type Response = HttpServerResponse.HttpServerResponse

/** Sends the bytes, if any, and resets the connection. Bun prints the error of a stream unless it is undefined. */
const sendThenReset = (bytes: Uint8Array) =>
  new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (bytes.length > 0) {
          controller.enqueue(bytes)
          bytes = new Uint8Array()
          return
        }
        // The reset would discard bytes that are not written yet.
        await new Promise((resolve) => setTimeout(resolve, 20))
        controller.error(undefined)
      }
    },
    { highWaterMark: 0 }
  )

/** Sends the bytes, and then nothing. */
const sendThenStall = (bytes: Uint8Array) =>
  new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(bytes), pull: () => new Promise(() => {}) })

const replaceBody = (response: Response, bytes: number, send: (bytes: Uint8Array) => ReadableStream<Uint8Array>) =>
  Effect.promise(async () => {
    const whole = new Uint8Array(await HttpServerResponse.toWeb(response).arrayBuffer())
    const { "content-length": _, ...headers } = response.headers
    return HttpServerResponse.raw(send(whole.slice(0, bytes)), { status: response.status, headers })
  })

const disableIdleTimeout = Effect.map(CurrentExchange, (exchange) => exchange?.disableIdleTimeout())

const reset = Effect.sync(() => HttpServerResponse.raw(sendThenReset(new Uint8Array())))

const hang = Effect.andThen(disableIdleTimeout, Effect.never)

/** Records each call, and injects the fault that matches it, if any. */
export const InjectFaults = HttpRouter.middleware(
  Effect.gen(function* () {
    const faults = yield* FaultInjection
    const sessions = yield* Sessions

    const inject = <E, R>(outcome: Outcome, response: Effect.Effect<Response, E, R>): Effect.Effect<Response, E, R> => {
      switch (outcome.type) {
        case "Status": {
          const { body, headers, status } = outcome
          return Effect.succeed(HttpServerResponse.raw(body ?? "", { status, ...(headers === undefined ? {} : { headers }) }))
        }
        case "Garbage":
          return Effect.succeed(HttpServerResponse.raw(outcome.body ?? '{"data":[{"id', { contentType: "application/json" }))
        case "Redirect":
          return Effect.succeed(HttpServerResponse.empty({ status: 302, headers: { location: outcome.location } }))
        case "Truncate":
          return Effect.flatMap(response, (whole) => replaceBody(whole, outcome.bytes, sendThenReset))
        case "Stall":
          return Effect.andThen(
            disableIdleTimeout,
            Effect.flatMap(response, (whole) => replaceBody(whole, outcome.bytes, sendThenStall))
          )
        case "Reset":
          return outcome.handled === true ? Effect.andThen(response, reset) : reset
        case "Hang":
          return hang
        case "RevokeTokens":
          return Effect.andThen(Effect.sync(sessions.revokeAll), response)
      }
    }

    const injectWithLatency = <E, R>({ latencyMillis, outcome }: Fault, response: Effect.Effect<Response, E, R>) => {
      const injected = outcome === undefined ? response : inject(outcome, response)
      return latencyMillis === undefined ? injected : Effect.delay(injected, latencyMillis)
    }

    return (handler) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const queryStart = request.url.indexOf("?")
        const path = queryStart < 0 ? request.url : request.url.slice(0, queryStart)
        if (path.startsWith("/__emulator/")) return yield* handler
        const recordStatus = faults.recordCall(request.method, path, queryStart < 0 ? "" : request.url.slice(queryStart))
        const fault = faults.takeFault(request.method, path)
        const response = yield* fault === undefined ? handler : injectWithLatency(fault, handler)
        if (fault?.outcome?.type !== "Reset") recordStatus(response.status)
        return response
      })
  }),
  { global: true }
)
