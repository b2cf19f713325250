/** Rate limits per key and per address: in memory, shared by several gateways through Redis, and while Redis is unavailable. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Redacted, Schedule } from "effect"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { parseResponses, sendRaw } from "../support/rawHttp.ts"
import { hasRedis, redisServer } from "../support/redis.ts"

const devices = "/api/v1/tb/devices?page_size=1"
const limitOf = (requests: number) => ({ requests, window: Duration.hours(1) })
const from = (address: string) => ({ "x-forwarded-for": address })
const wrong = canaries.otherApiKey

const eventually = <E>(what: Effect.Effect<boolean, E>) =>
  what.pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (holds) => holds, times: 500 }),
    Effect.map((holds) => expect(holds).toBe(true))
  )

describe("a caller without a valid key", () => {
  live("gets 429 after the limit of its address, whatever the key, while clients known at that address continue", () =>
    Effect.gen(function* () {
      const apiKeysFile = yield* writeKeyFile({ late: {} })
      const { call, records } = yield* gateway({ settings: { rateLimit: limitOf(3), apiKeysFile } })
      expect((yield* call(devices)).status).toBe(200)

      const refused = yield* call(devices, { key: null })
      expect(refused.status).toBe(401)
      expect(refused.headers.get("x-ratelimit-limit")).toBe("3")
      expect(refused.headers.get("x-ratelimit-remaining")).toBe("2")
      expect(refused.headers.get("ratelimit")).toMatch(/^"default";r=2;t=\d+$/)
      expect(refused.headers.get("ratelimit-policy")).toBe('"default";q=3;w=3600')
      for (const remaining of ["1", "0"])
        expect((yield* call(devices, { key: wrong })).headers.get("x-ratelimit-remaining")).toBe(remaining)

      const beyond = yield* call(devices, { key: wrong })
      expect(beyond.status).toBe(429)
      expect(beyond.json.error_code).toBe("RATE_LIMIT_EXCEEDED")
      expect(Number(beyond.headers.get("retry-after"))).toBeGreaterThan(1000)
      expect(Number(beyond.headers.get("retry-after"))).toBeLessThanOrEqual(1200)
      // Beyond the limit, even a correct guess gets no other response.
      expect((yield* call(devices, { key: keyOf("late") })).status).toBe(429)
      expect((yield* call(devices)).status).toBe(200)
      expect((yield* call("/health", { key: null })).status).toBe(200)
      expect((yield* call("/", { key: null })).status).toBe(200)
      expect((yield* call("/docs", { key: null })).status).toBe(200)

      const told = records.filter(({ message }) => message === "Rate limit exceeded")
      expect(told.length).toBe(2)
      expect(told[0]).toMatchObject({ address: "127.0.0.1", status: 429, request_id: beyond.headers.get("x-request-id") })
      expect(told[0]).not.toHaveProperty("key_id")
    })
  )

  live("cannot make more guesses than the limit by sending them concurrently", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway({ settings: { rateLimit: limitOf(10) } })
      const answers = yield* Effect.all(
        Array.from({ length: 100 }, () => call(devices, { key: wrong })),
        { concurrency: 100 }
      )
      expect(answers.filter(({ status }) => status === 401).length).toBe(10)
      expect(answers.filter(({ status }) => status === 429).length).toBe(90)
    })
  )

  live("is also counted by documentation that needs a key", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway({ settings: { rateLimit: limitOf(2), docsAccess: "key" } })
      expect((yield* call("/docs", { key: null })).headers.get("x-ratelimit-remaining")).toBe("1")
      expect((yield* call("/docs", { key: wrong })).status).toBe(401)
      const beyond = yield* call("/docs", { key: wrong })
      expect(beyond.status).toBe(429)
      expect(beyond.headers.get("retry-after")).not.toBeNull()
      expect((yield* call(devices, { key: wrong })).status).toBe(429)
      expect((yield* call("/docs")).status).toBe(429)
    })
  )

  live("is counted by the address that a trusted proxy reports, per /64 for IPv6", () =>
    Effect.gen(function* () {
      const { call, records } = yield* gateway({ settings: { rateLimit: limitOf(1), trustedProxies: ["127.0.0.0/8", "10.0.0.0/8"] } })
      const status = (address: string) => Effect.map(call(devices, { key: wrong, headers: from(address) }), (answer) => answer.status)
      expect(yield* status("203.0.113.1")).toBe(401)
      expect(yield* status("203.0.113.1")).toBe(429)
      expect(yield* status("203.0.113.2, 10.1.2.3")).toBe(401)
      // Entries to the left of the client's address were written by the client.
      expect(yield* status("203.0.113.77, 203.0.113.2")).toBe(429)
      expect(yield* status("2001:db8:1:2::1")).toBe(401)
      expect(yield* status("2001:db8:1:2:ffff::9")).toBe(429)
      expect(yield* status("2001:db8:1:3::1")).toBe(401)
      expect(records.filter(({ message }) => message === "Security event: 401").map(({ address }) => address)).toEqual([
        "203.0.113.1",
        "203.0.113.2",
        "2001:db8:1:2::1",
        "2001:db8:1:3::1"
      ])
    })
  )

  live("cannot avoid the limit with a forged X-Forwarded-For", () =>
    Effect.gen(function* () {
      const { call, records } = yield* gateway({ settings: { rateLimit: limitOf(1), trustedProxies: ["192.0.2.0/24"] } })
      expect((yield* call(devices, { key: wrong, headers: from("203.0.113.1") })).status).toBe(401)
      expect((yield* call(devices, { key: wrong, headers: from("203.0.113.2") })).status).toBe(429)
      expect(records.find(({ message }) => message === "Security event: 401")).toMatchObject({ address: "127.0.0.1" })
      // The log hints at a proxy that is missing in TRUSTED_PROXIES.
      const beyond = records.find(({ message }) => message === "Rate limit exceeded")
      expect(beyond).toMatchObject({ address: "127.0.0.1", hint: expect.stringContaining("TRUSTED_PROXIES") })
    })
  )
})

live("a request without the required scope counts against its key, and the response shows the limit", () =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile({ reader: { scopes: ["assets:read"], rate_limit: { requests: 2, window_seconds: 60 } } })
    const { call } = yield* gateway({ settings: { apiKeysFile } })
    const answer = yield* call(devices, { key: keyOf("reader") })
    expect(answer.status).toBe(403)
    expect(answer.headers.get("x-ratelimit-limit")).toBe("2")
    expect(answer.headers.get("x-ratelimit-remaining")).toBe("1")
    expect((yield* call(devices, { key: keyOf("reader") })).status).toBe(403)
    const beyond = yield* call(devices, { key: keyOf("reader") })
    expect(beyond.status).toBe(429)
    expect(Number(beyond.headers.get("retry-after"))).toBeLessThanOrEqual(30)
  })
)

const long = "x".repeat(9000)

describe("a request that reaches no endpoint", () => {
  live("is logged like any other if it has an invalid key", () =>
    Effect.gen(function* () {
      const { call, records } = yield* gateway()
      const events = () => records.filter(({ message }) => message === "Security event: 401").length
      yield* call("/nothing", { key: null })
      yield* call("/nothing")
      expect(events()).toBe(0)
      yield* call("/nothing", { key: wrong })
      expect(events()).toBe(1)
    })
  )

  live("is one whose path differs in case or slashes", () =>
    Effect.gen(function* () {
      const { url } = yield* gateway()
      // On a raw socket, since clients normalize paths.
      const status = (path: string) =>
        Effect.map(
          sendRaw(url, `GET ${path} HTTP/1.1\r\nHost: gateway\r\nX-API-Key: ${canaries.apiKey}\r\nConnection: close\r\n\r\n`, {
            wait: 2000
          }),
          ({ text }) => parseResponses(text)[0]?.status
        )
      for (const path of ["/HEALTH", "//health", "/Docs", "/api/v1/tb//devices", "/API/v1/tb/devices"])
        expect([path, yield* status(path)]).toEqual([path, 404])
      for (const path of ["/health", "/health/", "/docs", "/api/v1/tb/devices/"]) expect([path, yield* status(path)]).toEqual([path, 200])
    })
  )

  const strays = [
    ["an unknown path", 404, "/api/v1/tb/nothing", {}],
    ["an unknown problem", 404, "/errors/nothing", {}],
    ["a method that the path does not take", 405, "/api/v1/tb/devices", { method: "DELETE" }],
    ["too long a path", 414, `/api/v1/tb/devices?text_search=${long}`, {}],
    ["too large headers", 431, "/api/v1/tb/devices", { headers: { "x-long": long } }],
    ["a compressed body", 415, "/api/v1/tb/telemetry/latest", { body: {}, headers: { "content-encoding": "gzip" } }],
    ["a host that is not served", 400, "/api/v1/tb/devices", { headers: { host: "elsewhere.example" } }]
  ] as const

  for (const [name, status, path, request] of strays)
    live(`(${name}) counts against the key, or else the address, shows the limit, and gets 429 beyond it`, () =>
      Effect.gen(function* () {
        const { call } = yield* gateway({ settings: { rateLimit: limitOf(2), allowedHosts: ["127.0.0.1"] } })
        for (const key of [canaries.apiKey, null]) {
          const standing = ({ headers, status: got }: { readonly headers: Headers; readonly status: number }) => [
            got,
            headers.get("x-ratelimit-limit"),
            headers.get("x-ratelimit-remaining")
          ]
          expect(standing(yield* call(path, { ...request, key }))).toEqual([status, "2", "1"])
          expect(standing(yield* call(path, { ...request, key }))).toEqual([status, "2", "0"])
          const beyond = yield* call(path, { ...request, key })
          expect(standing(beyond)).toEqual([429, "2", "0"])
          expect(beyond.json.error_code).toBe("RATE_LIMIT_EXCEEDED")
          expect(Number(beyond.headers.get("retry-after"))).toBeGreaterThan(0)
          // A key, or an address, has one bucket for all of its requests.
          expect((yield* call(devices, { key })).status).toBe(429)
        }
        expect((yield* call("/health", { key: null })).status).toBe(200)
        expect((yield* call("/ready", { key: null })).status).toBe(200)
      })
    )
})

const shared = (url: string, requests: number) => ({ settings: { redisUrl: Redacted.make(url), rateLimit: limitOf(requests) } })
const redisLine = ({ json }: { readonly json: { readonly dependencies: ReadonlyArray<{ readonly name: string }> } }) =>
  json.dependencies.find(({ name }) => name === "redis")
const working = { name: "redis", ok: true, detail: "Rate limits are shared." }
const away = { name: "redis", ok: true, detail: "Redis is not available: rate limits are counted locally." }

describe.skipIf(!hasRedis)("gateways on one Redis", () => {
  live(
    "let exactly the limit through, of ten times as many concurrent requests",
    () =>
      Effect.gen(function* () {
        const redis = yield* redisServer
        yield* redis.start
        const gateways = [yield* gateway(shared(redis.url, 30)), yield* gateway(shared(redis.url, 30))]
        for (const { call } of gateways) expect(redisLine(yield* call("/ready"))).toEqual(working)
        const answers = yield* Effect.all(
          Array.from({ length: 300 }, (_, i) => gateways[i % 2]!.call(devices)),
          { concurrency: 300 }
        )
        expect(answers.filter(({ status }) => status === 200).length).toBe(30)
        expect(answers.filter(({ status }) => status === 429).length).toBe(270)
      }),
    120_000
  )

  live(
    "count locally at once when it is lost, log that once, and share again when it is back",
    () =>
      Effect.gen(function* () {
        const redis = yield* redisServer
        yield* redis.start
        const it = yield* gateway(shared(redis.url, 5))
        const tells = (text: string) => it.logs.filter((line) => line.includes(text)).length
        const remaining = Effect.map(it.call(devices), ({ headers, status }) => [status, headers.get("x-ratelimit-remaining")])
        const standing = (line: typeof away) =>
          eventually(Effect.map(it.call("/ready"), (answer) => Bun.deepEquals(redisLine(answer), line)))
        expect(yield* remaining).toEqual([200, "4"])
        expect(yield* remaining).toEqual([200, "3"])

        yield* redis.kill
        expect(yield* remaining).toEqual([200, "4"])
        for (let i = 0; i < 4; i++) yield* remaining
        expect(yield* remaining).toEqual([429, "0"])
        const ready = yield* it.call("/ready")
        expect([ready.status, redisLine(ready)]).toEqual([200, away])
        yield* Effect.sleep("1200 millis") // two more attempts to connect, which are not logged
        expect([tells("Redis is unavailable"), tells("Redis is available again")]).toEqual([1, 0])

        // It restarts empty, without its scripts.
        yield* redis.start
        yield* standing(working)
        expect(yield* remaining).toEqual([200, "4"])

        yield* redis.pause
        const begun = performance.now()
        yield* remaining
        expect(performance.now() - begun).toBeLessThan(10_000)
        yield* standing(away)
        yield* redis.resume
        yield* standing(working)
        expect([tells("Redis is unavailable"), tells("Redis is available again")]).toEqual([2, 2])
      }),
    120_000
  )

  live(
    "start without it",
    () =>
      Effect.gen(function* () {
        const redis = yield* redisServer
        const { call, logs } = yield* gateway(shared(redis.url, 5))
        expect((yield* call(devices)).headers.get("x-ratelimit-remaining")).toBe("4")
        expect(redisLine(yield* call("/ready"))).toEqual(away)
        yield* redis.start
        yield* eventually(Effect.map(call("/ready"), (answer) => Bun.deepEquals(redisLine(answer), working)))
        expect((yield* call(devices)).headers.get("x-ratelimit-remaining")).toBe("4")
        expect((yield* call(devices)).headers.get("x-ratelimit-remaining")).toBe("3")
        expect(logs.filter((line) => line.includes("Redis is")).length).toBe(2)
      }),
    120_000
  )
})
