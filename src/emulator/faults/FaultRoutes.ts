/**
 * Fault injection over HTTP, for programs in another process on the same machine:
 *
 * - `POST /__emulator/faults` injects one fault: `{"method":"GET","path":"/api/tenant/*","times":2,"latencyMillis":300,"outcome":
 *   {"type":"Status","status":503,"headers":{"retry-after":"1"},"body":"busy"}}`. All fields are optional (see `Fault`). Returns 204, or 400
 *   with the reason.
 * - `DELETE /__emulator/faults` removes all faults. Returns 204.
 * - `GET /__emulator/calls` returns the recorded calls, oldest first: `[{"method","path","query","status"}]`. `?method=` and `?path=` filter
 *   them; `*` in a path matches any text.
 * - `DELETE /__emulator/calls` removes all recorded calls. Returns 204.
 *
 * Calls to these paths are not recorded and never get faults. Other machines get 404.
 */
import { Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { Fault, FaultInjection } from "./FaultInjection.ts"

const loopback = /^(127\.|::1$)/

const requireLoopback = <E, R>(response: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
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
