/** The accepted hosts, the allowed origins, and the security headers of every response. */
import { describe, expect } from "bun:test"
import { Duration, Effect } from "effect"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { parseResponses, sendRaw } from "../support/rawHttp.ts"

const devices = "/api/v1/tb/devices"

const request = (first: string, headers: Readonly<Record<string, string>> = {}, body = "") =>
  `${first}\r\n${Object.entries({ Host: "gateway", ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n${body}`

const answerTo = (url: string, bytes: string) => {
  const closing = bytes.includes("Upgrade") ? bytes : bytes.replace("\r\n", "\r\nConnection: close\r\n")
  return Effect.map(sendRaw(url, closing, { wait: closing === bytes ? 1000 : 10_000 }), ({ text }) => parseResponses(text)[0]!)
}

describe("ALLOWED_HOSTS", () => {
  const named: ReadonlyArray<readonly [string, string, number]> = [
    ["a name of the list", "Host: api.example.com", 200],
    ["in capitals", "Host: API.Example.COM", 200],
    ["with any port", "Host: api.example.com:9000", 200],
    ["with a dot at its end", "Host: api.example.com.", 200],
    ["below a wildcard", "Host: a.b.example.org", 200],
    ["an address with its port", "Host: [::1]:8000", 200],
    ["with the port that is asked for", "Host: ported.example.com:8443", 200],
    ["with another port than is asked for", "Host: ported.example.com:8444", 400],
    ["without the port that is asked for", "Host: ported.example.com", 400],
    ["another name", "Host: evil.com", 400],
    ["a name that ends alike", "Host: evilapi.example.com", 400],
    ["the wildcard's own domain", "Host: example.org", 400],
    ["a user before a name", "Host: api.example.com@evil.com", 400],
    ["a name before a user", "Host: evil.com@api.example.com", 400],
    ["two names in one header", "Host: evil.com, a.example.org", 400],
    ["two headers", "Host: evil.com\r\nHost: a.example.org", 400],
    ["the same header twice", "Host: api.example.com\r\nHost: api.example.com", 400],
    ["a path behind the name", "Host: evil.com/.example.org", 400],
    ["an empty name", "Host:", 400],
    ["what a proxy is said to have been asked", "Host: evil.com\r\nX-Forwarded-Host: api.example.com", 400],
    ["what a proxy is said to have been asked, beside a good name", "Host: api.example.com\r\nX-Forwarded-Host: evil.com", 200]
  ]

  live("accepts only the hosts that it names, even in unusual headers", () =>
    Effect.gen(function* () {
      const allowedHosts = ["api.example.com", "*.example.org", "[::1]", "ported.example.com:8443"]
      const { logs, url } = yield* gateway({ settings: { allowedHosts } })
      for (const [what, header, status] of named)
        expect([what, (yield* answerTo(url, `GET / HTTP/1.1\r\n${header}\r\n\r\n`)).status]).toEqual([what, status])
      const absolute = (host: string) => answerTo(url, request("GET http://api.example.com/ HTTP/1.1", { Host: host }))
      expect([(yield* absolute("api.example.com")).status, (yield* absolute("evil.com")).status]).toEqual([200, 400])
      expect((yield* answerTo(url, "GET / HTTP/1.0\r\n\r\n")).status).toBe(400)
      expect(logs.join("\n")).toContain("Security event: 400")
    })
  )

  live("exempts health checks by IP address, and nothing that only resembles one", () =>
    Effect.gen(function* () {
      const { logs, url } = yield* gateway({ settings: { allowedHosts: ["api.example.com"] } })
      const status = (first: string, header = "Host: 10.1.2.3:8000\r\n") =>
        Effect.map(answerTo(url, `${first}\r\n${header}\r\n`), (answer) => answer.status)
      for (const path of ["/health", "/api/v1/health", "/ready", "/health?from=kubelet"]) {
        expect([path, yield* status(`GET ${path} HTTP/1.1`), yield* status(`HEAD ${path} HTTP/1.1`)]).toEqual([path, 200, 200])
        // Like old health checks of HAProxy.
        expect([path, yield* status(`GET ${path} HTTP/1.0`, "")]).toEqual([path, 200])
        expect([path, yield* status(`GET ${path} HTTP/1.1`, "Host: [fd00::7]:8000\r\n")]).toEqual([path, 200])
        for (const host of ["a@b", "evil.example", "10.1.2.3.evil.example"])
          expect([path, host, yield* status(`GET ${path} HTTP/1.1`, `Host: ${host}\r\n`)]).toEqual([path, host, 400])
      }
      expect(logs.filter((line) => line.includes("Security event")).length).toBe(12)
      for (const path of ["/", "/docs", devices, "/health/../docs", "/ready/x", "/healthy", "/%68ealth", `${devices}?x=/health`])
        expect([path, yield* status(`GET ${path} HTTP/1.1`)]).toEqual([path, 400])
    })
  )

  live("decides by the Host header also when the request line has a URL, whose host has no effect anywhere", () =>
    Effect.gen(function* () {
      const { logs, url } = yield* gateway({ settings: { allowedHosts: ["api.example.com"] } })
      const targets = ["http://other.example", "https://other.example:99", "HTTP://user@other.example", "http://"]
      for (const target of targets) {
        const allowed = yield* answerTo(url, `GET ${target}/health HTTP/1.1\r\nHost: api.example.com\r\n\r\n`)
        expect([target, allowed.status]).toEqual([target, 200])
        const unmatched = yield* answerTo(url, `GET ${target}/nothing HTTP/1.1\r\nHost: api.example.com\r\n\r\n`)
        expect([target, unmatched.status]).toEqual([target, 404])
        const denied = yield* answerTo(url, `GET ${target}/nothing HTTP/1.1\r\nHost: other.example\r\n\r\n`)
        expect([target, denied.status]).toEqual([target, 400])
        for (const { body, headers } of [allowed, unmatched, denied]) expect(body + JSON.stringify(headers)).not.toContain("other.example")
        // The URL names an allowed host, and the header does not.
        const other = yield* answerTo(url, "GET http://api.example.com/docs HTTP/1.1\r\nHost: other.example\r\n\r\n")
        expect(other.status).toBe(400)
      }
      expect(logs.join("\n")).not.toContain("other.example")
    })
  )

  live("accepts any valid host when it is not set", () =>
    Effect.gen(function* () {
      const { url } = yield* gateway()
      const status = (header: string, version = "1.1") =>
        Effect.map(answerTo(url, `GET /health HTTP/${version}\r\n${header}\r\n`), (answer) => answer.status)
      expect([yield* status("Host: anything.example\r\n"), yield* status("", "1.0")]).toEqual([200, 200])
      expect([yield* status("Host: a@b\r\n"), yield* status("Host: a\r\nHost: b\r\n"), yield* status("")]).toEqual([400, 400, 400])
    })
  )
})

describe("a page of another origin", () => {
  const ask = (url: string, origin: string | undefined, first = `GET ${devices} HTTP/1.1`, more: Record<string, string> = {}) =>
    answerTo(url, request(first, { ...(origin === undefined ? {} : { Origin: origin }), ...more }))
  const preflight = (url: string, origin: string) =>
    ask(url, origin, `OPTIONS ${devices} HTTP/1.1`, {
      "Access-Control-Request-Method": "GET",
      "Access-Control-Request-Headers": "x-api-key"
    })
  const allowed = "access-control-allow-origin"

  live("may call the API with a key only if its origin is allowed", () =>
    Effect.gen(function* () {
      for (const origins of [["https://app.example.com"], ["https://b.example.com", "https://app.example.com"]]) {
        const { url } = yield* gateway({ settings: { backendCorsOrigins: origins } })
        const good = yield* preflight(url, "https://app.example.com")
        expect(good.status).toBe(204)
        expect(good.headers).toMatchObject({ [allowed]: "https://app.example.com", vary: "Origin", "x-content-type-options": "nosniff" })
        expect(good.headers["access-control-allow-headers"]).toContain("X-API-Key")
        expect(good.headers["access-control-allow-methods"]).toBe("GET, HEAD, POST")
        expect(good.headers["access-control-allow-credentials"]).toBeUndefined()
        for (const origin of [
          "https://evil.com",
          "null",
          "https://app.example.com.evil.com",
          "http://app.example.com",
          "HTTPS://APP.EXAMPLE.COM"
        ]) {
          const bad = yield* preflight(url, origin)
          expect([origin, bad.headers[allowed], bad.headers["access-control-allow-headers"]]).toEqual([origin, undefined, undefined])
          expect((yield* ask(url, origin)).headers).toMatchObject({ vary: "Origin" })
        }
        expect((yield* ask(url, undefined)).headers).toMatchObject({ vary: "Origin" })
      }
    })
  )

  live("can read every rejection", () =>
    Effect.gen(function* () {
      const origin = "https://app.example.com"
      const { url } = yield* gateway({
        settings: {
          backendCorsOrigins: [origin],
          maxUrlLength: 100,
          allowedHosts: ["gateway"],
          rateLimit: { requests: 5, window: Duration.minutes(1) }
        }
      })
      const answers = [
        yield* ask(url, origin, undefined, { "X-API-Key": canaries.apiKey }),
        yield* ask(url, origin),
        yield* ask(url, origin, "GET /nothing HTTP/1.1"),
        yield* ask(url, origin, `DELETE ${devices} HTTP/1.1`),
        yield* ask(url, origin, `GET /${"a".repeat(200)} HTTP/1.1`),
        yield* ask(url, origin, undefined, { Host: "evil.com" }),
        yield* ask(url, origin)
      ]
      expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 405, 414, 400, 429])
      expect(answers.map(({ headers }) => headers[allowed])).toEqual(answers.map(() => origin))
      expect(answers.at(-1)!.headers["access-control-expose-headers"]).toContain("Retry-After")
    })
  )

  live("may call the API without cookies if all origins are allowed", () =>
    Effect.gen(function* () {
      const { url } = yield* gateway({ settings: { backendCorsOrigins: ["https://b.example.com", "*"] } })
      const { headers } = yield* preflight(url, "https://anyone.example")
      expect([headers[allowed], headers["access-control-allow-credentials"]]).toEqual(["*", undefined])
    })
  )

  live("may not call the API if no origin is allowed", () =>
    Effect.gen(function* () {
      const { url } = yield* gateway()
      const { headers } = yield* preflight(url, "https://app.example.com")
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([])
    })
  )

  live("sends preflights that are checked, counted per address and limited, without using up the attempts of keys", () =>
    Effect.gen(function* () {
      const origin = "https://app.example.com"
      const { records, url } = yield* gateway({
        settings: {
          backendCorsOrigins: [origin],
          allowedHosts: ["gateway"],
          rateLimit: { requests: 3, window: Duration.minutes(1) }
        }
      })
      const first = yield* preflight(url, origin)
      expect([first.status, first.headers["x-ratelimit-remaining"]]).toEqual([204, "2"])
      // Not a preflight, at an unknown path, of another origin: each counts.
      const plain = yield* ask(url, undefined, `OPTIONS ${devices} HTTP/1.1`)
      expect([plain.status, plain.headers["allow"], plain.headers["x-ratelimit-remaining"]]).toEqual([204, "GET, HEAD, OPTIONS", "1"])
      expect((yield* preflight(url, "https://evil.com")).status).toBe(204)
      const beyond = yield* preflight(url, origin)
      expect([beyond.status, beyond.headers[allowed], beyond.headers["retry-after"] !== undefined]).toEqual([429, origin, true])
      expect((yield* ask(url, undefined, `OPTIONS ${devices} HTTP/1.1`)).status).toBe(429)
      expect(records.find(({ message }) => message === "Rate limit exceeded")).toMatchObject({
        method: "OPTIONS",
        path: devices,
        reason: "address_limit",
        address: "127.0.0.1"
      })
      const missing = yield* ask(url, origin)
      expect([missing.status, missing.headers["x-ratelimit-remaining"]]).toEqual([401, "2"])
    })
  )

  live("sends preflights to hosts that are not served in vain", () =>
    Effect.gen(function* () {
      const origin = "https://app.example.com"
      const { records, url } = yield* gateway({ settings: { backendCorsOrigins: [origin], allowedHosts: ["api.example.com"] } })
      const denied = yield* preflight(url, origin)
      expect([denied.status, denied.headers["access-control-allow-headers"]]).toEqual([400, undefined])
      expect(records.find(({ message }) => message === "Security event: 400")).toMatchObject({ method: "OPTIONS", reason: "unknown_host" })
      const unknown = yield* ask(url, origin, "OPTIONS /nothing HTTP/1.1", {
        Host: "api.example.com",
        "Access-Control-Request-Method": "GET"
      })
      expect(unknown.status).toBe(204)
    })
  )
})

describe("security headers", () => {
  const expected = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin"
  }

  live("are in every response, without HSTS on plain http", () =>
    Effect.gen(function* () {
      const { url } = yield* gateway({ settings: { maxBodySize: 100 } })
      const key = { "X-API-Key": canaries.apiKey }
      const json = { ...key, "Content-Type": "application/json" }
      const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13" }
      const requests: ReadonlyArray<readonly [string, number]> = [
        [request("GET /health HTTP/1.1"), 200],
        [request("HEAD /health HTTP/1.1"), 200],
        [request(`HEAD ${devices} HTTP/1.1`, key), 200],
        [request(`OPTIONS ${devices} HTTP/1.1`), 204],
        [request(`GET ${devices} HTTP/1.1`), 401],
        [request("GET /nothing HTTP/1.1"), 404],
        [request(`PUT ${devices} HTTP/1.1`, { "Content-Length": "0" }), 405],
        [request("TRACE /health HTTP/1.1"), 405],
        [request("CONNECT evil.com:443 HTTP/1.1"), 405],
        [request("POST /api/v1/tb/telemetry/latest HTTP/1.1", { ...json, "Content-Length": "200" }, "[".padEnd(200)), 413],
        [request("POST /api/v1/tb/telemetry/latest HTTP/1.1", { ...key, "Content-Type": "text/plain", "Content-Length": "1" }, "1"), 415],
        [request("GET /health HTTP/1.1", { "X-Much": "a".repeat(9000) }), 431],
        [request("GET /health HTTP/1.1", upgrade), 200],
        [request("GET /docs HTTP/1.1"), 200],
        [request("GET /openapi.json HTTP/1.1"), 200],
        [request("GET /errors/rate-limited HTTP/1.1"), 200]
      ]
      for (const [bytes, status] of requests) {
        const first = bytes.split("\r\n")[0]
        const answer = yield* answerTo(url, bytes)
        expect([first, answer.status]).toEqual([first, status])
        expect(answer.headers).toMatchObject(expected)
        expect(answer.headers["content-security-policy"]).toStartWith("default-src 'none'")
        expect(answer.headers["content-security-policy"]).toContain("frame-ancestors 'none'")
        expect(answer.headers["content-security-policy"]).not.toMatch(/script-src[^;]*unsafe/)
        expect(answer.headers["strict-transport-security"]).toBeUndefined()
        expect(answer.headers["server"] ?? answer.headers["x-powered-by"]).toBeUndefined()
      }
    })
  )
})
