/**
 * Started by ../auth.ts in a process of its own: what checking a key and counting a request cost, on requests of a real server. Inside one
 * request each is done over and over, with the middlewares and without, since the clock of a whole request sees mostly sockets.
 */
import { Context, Duration, Effect, Layer, Redacted } from "effect"
import { HttpServerResponse } from "effect/http"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Authentication } from "../../src/api/middleware/Authentication.ts"
import { RateLimit } from "../../src/api/middleware/RateLimit.ts"
import { Settings } from "../../src/config/Settings.ts"
import { allScopes } from "../../src/domain/ApiKey.ts"
import { AuthenticationLayer } from "../../src/http/middleware/Authentication.ts"
import { RateLimitLayer } from "../../src/http/middleware/RateLimit.ts"
import { CurrentExchange, Exchange } from "../../src/platform/BunHttpServer.ts"
import { randomBytes } from "../../src/platform/Digest.ts"
import * as Runtime from "../../src/platform/Runtime.ts"
import { ApiKeys } from "../../src/apikeys/ApiKeys.ts"
import { InvalidKeyLimit } from "../../src/ratelimit/InvalidKeyLimit.ts"
import { digestOf, createKey } from "../../src/apikeys/KeyFormat.ts"
import { RateLimits } from "../../src/ratelimit/RateLimits.ts"
import { UserSessions } from "../../src/thingsboard/UserSessions.ts"

const [rounds, calls] = process.argv.slice(2).map(Number) as [number, number]
const keys = Array.from({ length: 1_000 }, () => createKey(randomBytes))

const folder = await mkdtemp(join(tmpdir(), "boardwalk-bench-"))
const file = join(folder, "keys.json")
await Bun.write(
  file,
  JSON.stringify({ keys: keys.map((key, i) => ({ id: `key-${i}`, name: `key ${i}`, sha256: digestOf(key), scopes: allScopes })) })
)
const Configured = Settings.layerTest({
  apiKey: Redacted.make(createKey(randomBytes)),
  apiKeysFile: file,
  rateLimit: { requests: 1_000_000_000, window: Duration.minutes(1) }
})
const Services = Layer.mergeAll(AuthenticationLayer, RateLimitLayer).pipe(
  Layer.provideMerge(InvalidKeyLimit.layer),
  Layer.provideMerge(Layer.mergeAll(ApiKeys.layer, RateLimits.layer)),
  Layer.provideMerge(Configured),
  Layer.provide(Layer.succeed(UserSessions, { of: () => Effect.die("no key of these acts as somebody else") })),
  Layer.provide(Runtime.layer)
)

/** Microseconds a call; the best of some short rounds, since what others do on the machine only ever adds. */
const best = (call: () => unknown) => {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const begun = Bun.nanoseconds()
    for (let i = 0; i < calls; i++) call()
    least = Math.min(least, (Bun.nanoseconds() - begun) / calls / 1000)
  }
  return least
}

const measured = (request: Request, server: Bun.Server<unknown>) =>
  Effect.gen(function* () {
    const apiKeys = yield* ApiKeys
    const [authentication, rateLimit] = [yield* Authentication, yield* RateLimit]
    let next = 0
    const verify = best(() => apiKeys.verify(keys[next++ % keys.length]!, 0))
    const handler = Effect.succeed(HttpServerResponse.empty()) as Effect.Effect<HttpServerResponse.HttpServerResponse>
    // Of an endpoint the middlewares look at its annotations only.
    const options = { endpoint: { annotations: Context.empty() } } as never
    const guarded = authentication(rateLimit(handler, options) as never, options) as typeof handler
    const run = (effect: typeof handler) => () =>
      Effect.runSyncWith(Context.make(CurrentExchange, new Exchange(request, "id", {}, server, undefined)))(Effect.scoped(effect))
    const [withNone, withBoth] = [best(run(handler)), best(run(guarded))]
    return { verify, both: withBoth - withNone, bare: withNone, status: run(guarded)().status }
  })

const runtime = await Effect.runPromise(Effect.scoped(Layer.build(Services)))
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request, bun) => Response.json(await Effect.runPromise(Effect.provideContext(measured(request, bun), runtime)))
})
const answer = await fetch(server.url, { headers: { "x-api-key": keys[7]!, accept: "*/*", "user-agent": "bench" } })
console.log(await answer.text())
await rm(folder, { recursive: true })
process.exit()
