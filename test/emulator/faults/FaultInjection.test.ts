/** Each fault as a fetch client sees it. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { Emulator } from "../../../src/emulator/Emulator.ts"
import type { Fault } from "../../../src/emulator/faults/FaultInjection.ts"
import { live } from "../../support/effectTest.ts"

interface Received {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const request = (path: string, init: RequestInit = {}) =>
  Effect.flatMap(Emulator, ({ url }) =>
    Effect.promise(async (): Promise<Received> => {
      const response = await fetch(url + path, { redirect: "manual", ...init })
      return { status: response.status, headers: response.headers, text: await response.text() }
    })
  )

/** How a call fails that gets no response, or only a part of it. */
const requestFailing = (path: string, init: RequestInit = {}) =>
  Effect.flatMap(Emulator, ({ url }) =>
    Effect.promise(async () => {
      let status: number | undefined
      try {
        const response = await fetch(url + path, init)
        status = response.status
        return { status, error: "none", text: await response.text() }
      } catch (error) {
        if (!(error instanceof Error)) throw error
        return { status, error: "code" in error && typeof error.code === "string" ? error.code : error.name, text: "" }
      }
    })
  )

const injectFault = (fault: Fault) => Effect.map(Emulator, ({ faults }) => faults.inject(fault))
const recordedCalls = Effect.map(Emulator, ({ faults }) =>
  faults.calls().map(({ method, path, query, status }) => `${method} ${path}${query} ${status}`)
)

const login = Effect.gen(function* () {
  const { password, username } = yield* Emulator
  const { text } = yield* request("/api/auth/login", { method: "POST", body: JSON.stringify({ username, password }) })
  return (JSON.parse(text) as { token: string }).token
})

const withEmulator = (name: string, body: () => Effect.Effect<void, never, Emulator>) =>
  live(name, () => body().pipe(Effect.provide(Layer.fresh(Emulator.layer({ version: "4.3" })))))

withEmulator("a fault that skips two calls affects the third one only, whatever other faults are injected", () =>
  Effect.gen(function* () {
    yield* injectFault({ path: "/api/auth/user", skip: 2, outcome: { type: "Status", status: 500 } })
    yield* injectFault({ path: "/api/auth/*", outcome: { type: "Status", status: 503 } })
    const statuses = yield* Effect.forEach([1, 2, 3, 4], () => Effect.map(request("/api/auth/user"), ({ status }) => status))
    expect(statuses).toEqual([503, 401, 500, 401])
  })
)

withEmulator("a fault with a status, body and headers affects the next two calls of its method and path, and no others", () =>
  Effect.gen(function* () {
    const outcome = { type: "Status", status: 503, body: "busy", headers: { "retry-after": "7" } } as const
    yield* injectFault({ method: "GET", path: "/api/auth/*", times: 2, outcome })
    expect((yield* request("/api/auth/login", { method: "POST", body: "{}" })).status).not.toBe(503)
    expect((yield* request("/api/system/info")).status).toBe(401)
    const first = yield* request("/api/auth/user")
    expect([first.status, first.text, first.headers.get("retry-after")]).toEqual([503, "busy", "7"])
    expect((yield* request("/api/auth/user?again=1")).status).toBe(503)
    expect((yield* request("/api/auth/user")).status).toBe(401)
  })
)

withEmulator("calls are recorded with their statuses until they are cleared", () =>
  Effect.gen(function* () {
    const { faults } = yield* Emulator
    yield* injectFault({ path: "/api/auth/user", outcome: { type: "Status", status: 500 } })
    yield* request("/api/auth/user")
    yield* request("/api/tenant/devices?pageSize=1&page=0")
    expect(yield* recordedCalls).toEqual(["GET /api/auth/user 500", "GET /api/tenant/devices?pageSize=1&page=0 401"])
    expect(faults.calls({ method: "GET", path: "/api/tenant/*" })).toHaveLength(1)
    expect(faults.calls({ method: "POST" })).toEqual([])
    faults.clearCalls()
    expect(yield* recordedCalls).toEqual([])
  })
)

withEmulator("latency delays the normal response", () =>
  Effect.gen(function* () {
    yield* injectFault({ latencyMillis: 60 })
    const from = performance.now()
    expect((yield* request("/api/auth/user")).status).toBe(401)
    expect(performance.now() - from).toBeGreaterThanOrEqual(59)
  })
)

withEmulator("a hanging call gets no response before the caller gives up, and the server stays available", () =>
  Effect.gen(function* () {
    yield* injectFault({ outcome: { type: "Hang" } })
    const hanging = yield* requestFailing("/api/auth/user", { signal: AbortSignal.timeout(50) })
    expect(hanging).toEqual({ status: undefined, error: "TimeoutError", text: "" })
    expect((yield* request("/api/auth/user")).status).toBe(401)
    expect((yield* recordedCalls)[0]).toBe("GET /api/auth/user null")
  })
)

withEmulator("a reset connection fails before a status arrives", () =>
  Effect.gen(function* () {
    yield* injectFault({ outcome: { type: "Reset" } })
    const reset = yield* requestFailing("/api/auth/user", { headers: { connection: "close" } })
    expect([reset.status, reset.error]).toEqual([undefined, "ECONNRESET"])
    expect(yield* recordedCalls).toEqual(["GET /api/auth/user null"])
  })
)

withEmulator("a call whose response is lost was carried out", () =>
  Effect.gen(function* () {
    const headers = { "X-Authorization": `Bearer ${yield* login}`, connection: "close" }
    yield* injectFault({ path: "/api/asset", outcome: { type: "Reset", handled: true } })
    const body = JSON.stringify({ name: "Lost", type: "building" })
    const lost = yield* requestFailing("/api/asset", { method: "POST", body, headers: { ...headers, "content-type": "application/json" } })
    expect([lost.status, lost.error]).toEqual([undefined, "ECONNRESET"])
    const { text } = yield* request("/api/tenant/assets?pageSize=10&page=0", { headers })
    expect(text).toContain('"Lost"')
  })
)

withEmulator("a response that stalls has its status and the beginning of its body, and then nothing", () =>
  Effect.gen(function* () {
    const token = yield* login
    yield* injectFault({ path: "/api/auth/user", outcome: { type: "Stall", bytes: 20 } })
    const init = { headers: { "X-Authorization": `Bearer ${token}` }, signal: AbortSignal.timeout(200) }
    const stalled = yield* requestFailing("/api/auth/user", init)
    expect([stalled.status, stalled.error]).toEqual([200, "TimeoutError"])
    expect((yield* request("/api/system/info")).status).toBe(401)
  })
)

withEmulator("a truncated response has its status, and then its body fails", () =>
  Effect.gen(function* () {
    const token = yield* login
    yield* injectFault({ path: "/api/auth/user", outcome: { type: "Truncate", bytes: 20 } })
    const cut = yield* requestFailing("/api/auth/user", { headers: { "X-Authorization": `Bearer ${token}` } })
    expect([cut.status, cut.error]).toEqual([200, "ECONNRESET"])
  })
)

withEmulator("garbage has the content type JSON but is not JSON; a redirect has the given location", () =>
  Effect.gen(function* () {
    yield* injectFault({ outcome: { type: "Garbage" } })
    yield* injectFault({ outcome: { type: "Garbage", body: "<html>" } })
    yield* injectFault({ outcome: { type: "Redirect", location: "http://elsewhere.example/" } })
    const garbage = yield* request("/api/auth/user")
    expect([garbage.status, garbage.headers.get("content-type")]).toEqual([200, "application/json"])
    expect(() => JSON.parse(garbage.text) as unknown).toThrow()
    expect((yield* request("/api/auth/user")).text).toBe("<html>")
    const redirect = yield* request("/api/auth/user")
    expect([redirect.status, redirect.headers.get("location")]).toEqual([302, "http://elsewhere.example/"])
  })
)

withEmulator("revoked tokens are rejected from that call on", () =>
  Effect.gen(function* () {
    const headers = { "X-Authorization": `Bearer ${yield* login}` }
    yield* injectFault({ path: "/api/auth/user", outcome: { type: "RevokeTokens" } })
    expect((yield* request("/api/tenant/devices?pageSize=1&page=0", { headers })).status).toBe(200)
    expect((yield* request("/api/auth/user", { headers })).status).toBe(401)
    expect((yield* request("/api/tenant/devices?pageSize=1&page=0", { headers })).status).toBe(401)
    expect((yield* request("/api/auth/user", { headers: { "X-Authorization": `Bearer ${yield* login}` } })).status).toBe(200)
  })
)

withEmulator("what was ordered for always ends when it is taken back", () =>
  Effect.gen(function* () {
    const { faults } = yield* Emulator
    yield* injectFault({ times: "always", outcome: { type: "Status", status: 502 } })
    for (let n = 0; n < 3; n++) expect((yield* request("/api/auth/user")).status).toBe(502)
    faults.clearFaults()
    expect((yield* request("/api/auth/user")).status).toBe(401)
  })
)

withEmulator("another process can inject faults and read the calls over HTTP", () =>
  Effect.gen(function* () {
    const fault = { path: "/api/*", times: 2, outcome: { type: "Status", status: 429 } }
    expect((yield* request("/__emulator/faults", { method: "POST", body: JSON.stringify(fault) })).status).toBe(204)
    expect((yield* request("/api/auth/user")).status).toBe(429)
    expect((yield* request("/__emulator/faults", { method: "DELETE" })).status).toBe(204)
    expect((yield* request("/api/auth/user")).status).toBe(401)
    const recorded = yield* request("/__emulator/calls?path=/api/auth/*")
    expect(JSON.parse(recorded.text)).toEqual([
      { method: "GET", path: "/api/auth/user", query: "", status: 429 },
      { method: "GET", path: "/api/auth/user", query: "", status: 401 }
    ])
    expect((yield* request("/__emulator/calls", { method: "DELETE" })).status).toBe(204)
    expect((yield* request("/__emulator/calls")).text).toBe("[]")
  })
)

withEmulator("an invalid fault is rejected with the reason", () =>
  Effect.gen(function* () {
    const rejected = yield* request("/__emulator/faults", { method: "POST", body: '{"outcome":{"type":"Explode"}}' })
    expect(rejected.status).toBe(400)
    expect(rejected.text).toContain("outcome")
    expect((yield* request("/__emulator/faults", { method: "POST", body: '{"pth":"/api"}' })).text).toContain("pth")
    expect((yield* request("/api/auth/user")).status).toBe(401)
  })
)
