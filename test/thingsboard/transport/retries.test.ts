/** How often calls are sent again, and how long the pauses are that ThingsBoard asks for. */
import { expect, test } from "bun:test"
import { Duration, Effect } from "effect"
import { parseRetryAfter } from "../../../src/thingsboard/transport/retryAfter.ts"
import { RetryBudget } from "../../../src/thingsboard/transport/RetryBudget.ts"
import { make } from "../../../src/thingsboard/transport/Transport.ts"
import { live } from "../../support/effectTest.ts"
import { scriptedUpstream } from "../../support/scriptedUpstream.ts"

test("a Retry-After header has seconds or a date", () => {
  const now = Date.UTC(2026, 0, 31, 8)
  const headers: Readonly<Record<string, number | undefined>> = {
    "7": 7000,
    "0": 0,
    "Sat, 31 Jan 2026 08:00:05 GMT": 5000,
    "Sat, 31 Jan 2026 07:00:00 GMT": 0,
    "-1": undefined,
    soon: undefined,
    "1e3": undefined,
    "": undefined
  }
  for (const [header, expected] of Object.entries(headers)) expect([header, parseRetryAfter(header, now)]).toEqual([header, expected])
  expect(parseRetryAfter(undefined, now)).toBeUndefined()
})

test("resends are limited to a tenth of the calls, ten per second, and some that were saved", () => {
  const budget = new RetryBudget()
  let resends = 0
  for (let i = 0; i < 3000; i++) {
    budget.recordCall()
    for (let n = 0; n < 3; n++) if (budget.tryResend(1000)) resends++
  }
  expect(resends).toBeGreaterThan(340)
  expect(resends).toBeLessThanOrEqual(350)
  while (budget.tryResend(1000)) resends++
  expect(budget.tryResend(1100)).toBe(true)
  expect(budget.tryResend(1100)).toBe(false)
})

live("an outage does not multiply the calls, and a single failure stays unnoticed", () =>
  Effect.gen(function* () {
    const call = { method: "GET", path: "/api/x", headers: {}, repeatable: true } as const
    let isDown = true
    const upstream = yield* scriptedUpstream({
      "GET /api/x": () => (isDown ? new Response("", { status: 503 }) : Response.json({}))
    })
    const transport = make({ host: upstream.url, timeout: Duration.seconds(30) })
    yield* Effect.forEach(Array.from({ length: 500 }), () => Effect.ignore(transport.send(call)), { concurrency: 50 })
    const calls = upstream.count("GET /api/x")
    expect(calls).toBeGreaterThan(500)
    expect(calls).toBeLessThan(500 * 1.1 + 50 + 10 * 30)
    isDown = false
    yield* transport.send(call)
  })
)

live("a pause that ThingsBoard asks for is kept if it is short, and passed on if it is not", () =>
  Effect.gen(function* () {
    const call = { method: "GET", path: "/api/x", headers: {}, repeatable: true } as const
    const busy = (seconds: string) => new Response("", { status: 503, headers: { "retry-after": seconds } })
    const upstream = yield* scriptedUpstream({ "GET /api/x": [() => busy("1"), () => Response.json({}), () => busy("30")] as never })
    const transport = make({ host: upstream.url, timeout: Duration.seconds(30) })
    const began = performance.now()
    yield* transport.send(call)
    expect(performance.now() - began).toBeGreaterThan(990)
    const { reason } = yield* Effect.flip(transport.send(call))
    expect(reason).toMatchObject({ _tag: "Unavailable", retryAfterMs: 30_000 })
    expect(upstream.count("GET /api/x")).toBe(3)
  })
)
