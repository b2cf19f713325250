/**
 * Started by ../auth.ts as a separate process: measures key verification and rate limiting on a request of a real server. Both run many times
 * within one request, with and without the middleware, because the time of a whole request consists mostly of socket work.
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
import { Overload } from "../../src/overload/Overload.ts"
import { CurrentExchange, Exchange } from "../../src/platform/Exchange.ts"
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
  Layer.provide(Overload.layer),
  Layer.provideMerge(Layer.mergeAll(ApiKeys.layer, RateLimits.layer)),
  Layer.provideMerge(Configured),
  Layer.provide(Layer.succeed(UserSessions, { acquire: () => Effect.die("none of these keys acts as another user") })),
  Layer.provide(Runtime.layer)
)

/** Microseconds per call: the minimum of several short rounds, because other processes on the machine only ever add time. */
const minMicros = (call: () => unknown) => {
  let min = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const start = Bun.nanoseconds()
    for (let i = 0; i < calls; i++) call()
    min = Math.min(min, (Bun.nanoseconds() - start) / calls / 1000)
  }
  return min
}

const measure = (request: Request, server: Bun.Server<unknown>) =>
  Effect.gen(function* () {
    const apiKeys = yield* ApiKeys
    const [authentication, rateLimit] = [yield* Authentication, yield* RateLimit]
    let next = 0
    const verify = minMicros(() => apiKeys.authenticate(keys[next++ % keys.length]!, 0))
    const handler = Effect.succeed(HttpServerResponse.empty()) as Effect.Effect<HttpServerResponse.HttpServerResponse>
    // The middleware reads only the annotations of the endpoint.
    const options = { endpoint: { annotations: Context.empty() } } as never
    const guarded = authentication(rateLimit(handler, options) as never, options) as typeof handler
    const run = (effect: typeof handler) => () =>
      Effect.runSyncWith(Context.make(CurrentExchange, new Exchange(request, "id", {}, server, undefined)))(Effect.scoped(effect))
    const [withoutMiddleware, withMiddleware] = [minMicros(run(handler)), minMicros(run(guarded))]
    return { verify, both: withMiddleware - withoutMiddleware, bare: withoutMiddleware, status: run(guarded)().status }
  })

const runtime = await Effect.runPromise(Effect.scoped(Layer.build(Services)))
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request, bun) => Response.json(await Effect.runPromise(Effect.provideContext(measure(request, bun), runtime)))
})
const response = await fetch(server.url, { headers: { "x-api-key": keys[7]!, accept: "*/*", "user-agent": "bench" } })
console.log(await response.text())
await rm(folder, { recursive: true })
process.exit()
