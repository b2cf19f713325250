/** Streams that a shutdown cuts off are named in the log. */
import { expect } from "bun:test"
import { Context, Effect, Exit, Layer, Logger, Scope, Stream } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import * as Server from "../../src/platform/BunHttpServer.ts"
import { makeShutdownState } from "../../src/platform/shutdown.ts"
import { live } from "../support/effectTest.ts"

const endless = HttpRouter.add(
  "GET",
  "/endless",
  HttpServerResponse.stream(Stream.concat(Stream.make(new TextEncoder().encode("begun")), Stream.never), { contentType: "text/plain" })
)
const short = HttpRouter.add("GET", "/short", HttpServerResponse.stream(Stream.make(new TextEncoder().encode("all"))))

live("streams in flight at the deadline are cut off and named with their request ids, and finished ones are not", () =>
  Effect.gen(function* () {
    const messages: Array<unknown> = []
    const logger = Logger.make(({ message }) => void messages.push(message))
    const scope = yield* Scope.make()
    const state = makeShutdownState()
    const shutdown = { delay: 0, drain: 50, state }
    const server = Server.layer(Layer.merge(endless, short), { port: 0, hostname: "127.0.0.1", shutdown })
    const context = yield* Scope.provide(Layer.build(Layer.provideMerge(server, Logger.layer([logger]))), scope)
    const { url } = Context.get(context, Server.BunHttpServer)
    const get = (path: string) => Effect.promise(() => fetch(`${url}${path}`, { headers: { "x-request-id": `id-of-${path.slice(1)}` } }))
    expect(yield* Effect.promise(async () => (await fetch(`${url}/short`)).text())).toBe("all")
    const response = yield* get("/endless")
    const text = response.text().then(
      () => "complete",
      () => "cut off"
    )
    expect([...state.openStreams].map(({ path }) => path)).toEqual(["/endless"])
    yield* Effect.provide(Scope.close(scope, Exit.void), Logger.layer([logger]))
    expect(yield* Effect.promise(() => text)).toBe("cut off")
    expect(messages).toEqual([
      ["Shutting down", { requests: 1, delay_ms: 0 }],
      ["Requests were cut off: the time for the shutdown is over", { requests: 1 }],
      ["Stream cut off by the shutdown", { request_id: "id-of-endless", method: "GET", path: "/endless" }]
    ])
  })
)
