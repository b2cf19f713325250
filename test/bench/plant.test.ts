/** A plant of a thousand devices: the gateway makes hardly more calls than a program that makes the fewest. `bun run bench plant` measures a larger one. */
import { expect } from "bun:test"
import { Duration, Effect } from "effect"
import { plantRows } from "../../bench/plant/rows.ts"
import { seedPlant, shortSize } from "../../bench/plant/seed.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { recordingProxy } from "../support/recordingProxy.ts"

const send = async (url: string, headers: Record<string, string>, body: unknown, contentType = "application/json") => {
  const response = await fetch(url, {
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": contentType }) },
    ...(body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) })
  })
  const text = await response.text()
  expect([url.slice(0, 120), response.status, response.status < 300 ? "" : text]).toEqual([url.slice(0, 120), response.status, ""])
  return text
}

live(
  "each operation of a plant takes as many calls as by hand, or a few more, and finds the same",
  () =>
    Effect.gen(function* () {
      const proxy = yield* recordingProxy
      const it = yield* gateway({ settings: { tbHost: proxy.url, tbLatestIsNewest: true, cacheTtl: Duration.seconds(10) } })
      proxy.forwardTo(it.emulator.url)
      const plant = seedPlant(it.emulator.store, it.tenant.tenantId, shortSize)
      const login = yield* Effect.promise(() =>
        send(`${it.emulator.url}/api/auth/login`, {}, { username: canaries.username, password: canaries.password })
      )
      const { token } = JSON.parse(login) as { readonly token: string }
      const direct = (path: string, body?: unknown) => send(proxy.url + path, { "x-authorization": `Bearer ${token}` }, body)
      const through = (path: string, body?: unknown, contentType?: string) =>
        send(it.url + path, { "x-api-key": canaries.apiKey }, body, contentType)
      yield* it.call("/api/v1/tb/devices?page_size=1") // logs in
      for (const { byHand, extraCalls, gateway, name } of plantRows) {
        const count = Effect.fnUntraced(function* (run: () => Promise<number | string>) {
          const before = proxy.calls.length
          const found = yield* Effect.promise(run)
          return { found, calls: proxy.calls.length - before }
        })
        const expected = yield* count(() => byHand(direct, plant))
        const actual = yield* count(() => gateway(through, plant))
        expect([name, actual.found]).toEqual([name, expected.found])
        expect([name, actual.calls, actual.calls <= expected.calls + extraCalls]).toEqual([name, actual.calls, true])
      }
    }),
  120_000
)
