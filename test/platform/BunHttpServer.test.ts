import { expect } from "bun:test"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import * as Server from "../../src/platform/BunHttpServer.ts"
import { certificateAuthority } from "../support/certificates.ts"
import { live, until } from "../support/effectTest.ts"

const serving = Effect.fnUntraced(function* (handler: Effect.Effect<HttpServerResponse.HttpServerResponse>) {
  const context = yield* Layer.build(
    Server.layer(HttpRouter.add("GET", "/", handler), { port: 0, hostname: "127.0.0.1", headers: { "x-all": "1" } })
  )
  return Context.get(context, Server.BunHttpServer).url
})

for (const [when, wait] of [
  ["at once", 5],
  ["after a while", 150]
] as const) {
  live(`a client that disconnects ${when} interrupts the work for it`, () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const url = yield* serving(
        Deferred.succeed(begun, undefined).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
        )
      )
      const client = new AbortController()
      const gone = fetch(url, { signal: client.signal }).catch(() => "gone")
      yield* Deferred.await(begun)
      yield* Effect.sleep(wait)
      client.abort()
      expect(yield* Effect.promise(() => gone)).toBe("gone")
      yield* Deferred.await(ended).pipe(Effect.timeout("2 seconds"))
    })
  )
}

live("the client's request id is used if it is well formed, else a new one; every response has it and the server's headers", () =>
  Effect.gen(function* () {
    const url = yield* serving(Effect.succeed(HttpServerResponse.raw("hello", { contentType: "text/plain" })))
    const get = (headers: Record<string, string>) => Effect.promise(() => fetch(url, { headers }))
    expect((yield* get({ "x-request-id": "abc-1.2_3" })).headers.get("x-request-id")).toBe("abc-1.2_3")
    const made = yield* get({ "x-request-id": "no spaces, please" })
    expect(made.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/)
    expect(made.headers.get("x-all")).toBe("1")
    const head = yield* Effect.promise(() => fetch(url, { method: "HEAD" }))
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "5"])
  })
)

live("a port in use fails the start with a readable message", () =>
  Effect.gen(function* () {
    const url = yield* serving(Effect.succeed(HttpServerResponse.empty()))
    const again = yield* Effect.flip(Layer.build(Server.layer(Layer.empty, { port: Number(new URL(url).port), hostname: "127.0.0.1" })))
    expect(String(again.message)).toContain("Cannot listen on 127.0.0.1:")
  })
)

live("a renewed certificate does not interrupt requests in flight, and the server waits for all of them", () =>
  Effect.gen(function* () {
    const { certificate: ca, issue } = yield* certificateAuthority()
    const certificates = [yield* issue("first"), yield* issue("second"), yield* issue("third")] as const
    const gate = yield* Deferred.make<void>()
    const scope = yield* Scope.make()
    let arrived = 0
    const slow = Effect.as(
      Effect.andThen(
        Effect.sync(() => arrived++),
        Deferred.await(gate)
      ),
      HttpServerResponse.raw("slow", { contentType: "text/plain" })
    )
    const routes = Layer.merge(
      HttpRouter.add("GET", "/slow", slow),
      HttpRouter.add("GET", "/", HttpServerResponse.raw("quick", { contentType: "text/plain" }))
    )
    const context = yield* Scope.provide(Layer.build(Server.layer(routes, { port: 0, hostname: "127.0.0.1", tls: certificates[0] })), scope)
    const server = Context.get(context, Server.BunHttpServer)
    const url = server.url.replace("127.0.0.1", "localhost")
    const ask = (path: string) => Effect.promise(async () => await (await fetch(url + path, { tls: { ca }, keepalive: false })).text())
    const inFlight = []
    for (const next of [certificates[1], certificates[2]]) {
      inFlight.push(yield* Effect.forkChild(ask("/slow")))
      yield* until(() => arrived === inFlight.length)
      yield* server.renew(next)
      expect(yield* ask("/")).toBe("quick")
    }
    const closed = yield* Effect.forkChild(Scope.close(scope, Exit.void))
    yield* Effect.sleep("50 millis")
    yield* Deferred.succeed(gate, undefined)
    expect(yield* Effect.forEach(inFlight, (fiber) => Fiber.join(fiber))).toEqual(["slow", "slow"])
    yield* Fiber.join(closed)
    const refused = yield* Effect.promise(() =>
      fetch(url, { tls: { ca }, keepalive: false }).then(
        () => false,
        () => true
      )
    )
    expect(refused).toBe(true)
  })
)
