/** The emulator with a plant, in a process of its own, behind a proxy that counts the calls. Prints one line of JSON. */
import { Context, Effect, Layer, Redacted } from "effect"
import { Emulator } from "../../src/emulator/Emulator.ts"
import { password, username } from "../upstream/sessions.ts"
import { fullSize, seedPlant, shortSize } from "./seed.ts"

const run = Effect.gen(function* () {
  const { createTenant, store, url } = Context.get(yield* Layer.build(Emulator.layer({ version: "4.3", hostname: "127.0.0.1" })), Emulator)
  const { tenantId } = yield* createTenant({ username, password: Redacted.make(password) })
  const plant = seedPlant(store, tenantId, process.argv.includes("--short") ? shortSize : fullSize)
  let calls = 0
  const proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    maxRequestBodySize: 64 * 1024 * 1024,
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url)
      if (pathname === "/__calls") return Response.json(calls)
      calls++
      const headers = new Headers(request.headers)
      headers.delete("host")
      headers.set("accept-encoding", "identity")
      const body = request.method === "GET" ? null : await request.arrayBuffer()
      return fetch(url + pathname + search, { method: request.method, headers, body })
    }
  })
  console.log(JSON.stringify({ url: `http://127.0.0.1:${proxy.port}`, plant }))
  return yield* Effect.never
})

await Effect.runPromise(Effect.scoped(run))
