/**
 * Where faults meet calls, and the way to order them from another process, for callers on this machine only:
 *
 * - `POST /__emulator/faults` orders one: `{"method":"GET","path":"/api/tenant/*","times":2,"latencyMillis":300,"outcome":{"type":"Status",
 *   "status":503,"headers":{"retry-after":"1"},"body":"busy"}}`, all members optional (`Faults.ts` says what there is); 204, or 400 with the reason
 * - `DELETE /__emulator/faults` takes all back; 204
 * - `GET /__emulator/calls` is `[{"method","path","query","status"}]`, the oldest first; `?method=&path=` choose, `*` stands for anything in a path
 * - `DELETE /__emulator/calls` forgets them; 204
 *
 * Calls to these paths are not recorded, and no fault befalls them. Other machines get 404.
 */
import { Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { Fault, FaultInjection, type Outcome } from "./FaultInjection.ts"
import { Sessions } from "../auth/Sessions.ts"

type Response = HttpServerResponse.HttpServerResponse

/** Sends the bytes, if any, and resets the connection. Bun prints errors of streams, unless they are undefined. */
const sendThenReset = (bytes: Uint8Array) =>
  new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (bytes.length > 0) {
          controller.enqueue(bytes)
          bytes = new Uint8Array()
          return
        }
        // Bytes that were not written yet would be lost with the connection.
        await new Promise((resolve) => setTimeout(resolve, 20))
        controller.error(undefined)
      }
    },
    { highWaterMark: 0 }
  )

const truncate = (response: Response, bytes: number) =>
  Effect.promise(async () => {
    const whole = new Uint8Array(await HttpServerResponse.toWeb(response).arrayBuffer())
    const { "content-length": _, ...headers } = response.headers
    return HttpServerResponse.raw(sendThenReset(whole.slice(0, bytes)), { status: response.status, headers })
  })

const hang = Effect.andThen(
  Effect.map(CurrentExchange, (exchange) => exchange?.disableIdleTimeout()),
  Effect.never
)

/** Befalls calls with what was ordered for them, and notes all of them. */
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
          return Effect.flatMap(response, (whole) => truncate(whole, outcome.bytes))
        case "Reset":
          return Effect.sync(() => HttpServerResponse.raw(sendThenReset(new Uint8Array())))
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

const loopback = /^(127\.|::1$)/

const requireLoopback = <E, R>(response: Effect.Effect<Response, E, R>) =>
  Effect.flatMap(CurrentExchange, (exchange) =>
    loopback.test(exchange?.remoteAddress ?? "") ? response : Effect.succeed(HttpServerResponse.empty({ status: 404 }))
  )

const noContent = HttpServerResponse.empty({ status: 204 })

const decodeFault = Schema.decodeUnknownEffect(Schema.fromJsonString(Fault), { onExcessProperty: "error" })

export const FaultRoutes = Layer.unwrap(
  Effect.map(FaultInjection, (faults) =>
    Layer.mergeAll(
      HttpRouter.add(
        "POST",
        "/__emulator/faults",
        requireLoopback(
          Effect.gen(function* () {
            const request = yield* HttpServerRequest.HttpServerRequest
            faults.inject(yield* decodeFault(yield* request.text))
            return noContent
          }).pipe(
            Effect.catch((error) =>
              Effect.succeed(HttpServerResponse.raw(`${error.message}\n`, { status: 400, contentType: "text/plain" }))
            )
          )
        )
      ),
      HttpRouter.add("DELETE", "/__emulator/faults", requireLoopback(Effect.sync(() => (faults.clearFaults(), noContent)))),
      HttpRouter.add(
        "GET",
        "/__emulator/calls",
        requireLoopback(
          Effect.map(HttpServerRequest.ParsedSearchParams, ({ method, path }) =>
            HttpServerResponse.jsonUnsafe(
              faults.calls({
                ...(typeof method === "string" ? { method } : {}),
                ...(typeof path === "string" ? { path } : {})
              })
            )
          )
        )
      ),
      HttpRouter.add("DELETE", "/__emulator/calls", requireLoopback(Effect.sync(() => (faults.clearCalls(), noContent))))
    )
  )
)
