/** Each fault as a fetch client sees it. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { Emulator } from "../../../src/emulator/Emulator.ts"
import type { Fault } from "../../../src/emulator/faults/FaultInjection.ts"
import { live } from "../../support/effectTest.ts"

interface Seen {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const see = (path: string, init: RequestInit = {}) =>
  Effect.flatMap(Emulator, ({ url }) =>
    Effect.promise(async (): Promise<Seen> => {
      const response = await fetch(url + path, { redirect: "manual", ...init })
      return { status: response.status, headers: response.headers, text: await response.text() }
    })
  )

/** How a call fails that gets no answer, or none to the end. */
const failure = (path: string, init: RequestInit = {}) =>
  Effect.flatMap(Emulator, ({ url }) =>
    Effect.promise(async () => {
      let status: number | undefined
      try {
        const response = await fetch(url + path, init)
        status = response.status
        return { status, failure: "none", text: await response.text() }
      } catch (error) {
        if (!(error instanceof Error)) throw error
        return { status, failure: "code" in error && typeof error.code === "string" ? error.code : error.name, text: "" }
      }
    })
  )

const order = (fault: Fault) => Effect.map(Emulator, ({ faults }) => faults.inject(fault))
const calls = Effect.map(Emulator, ({ faults }) =>
  faults.calls().map(({ method, path, query, status }) => `${method} ${path}${query} ${status}`)
)

const login = Effect.gen(function* () {
  const { password, username } = yield* Emulator
  const { text } = yield* see("/api/auth/login", { method: "POST", body: JSON.stringify({ username, password }) })
  return (JSON.parse(text) as { token: string }).token
})

const trouble = (name: string, body: () => Effect.Effect<void, never, Emulator>) =>
  live(name, () => body().pipe(Effect.provide(Layer.fresh(Emulator.layer({ version: "4.3" })))))

trouble("a status with body and headers befalls the next two calls of its method and path, and no others", () =>
  Effect.gen(function* () {
    const outcome = { type: "Status", status: 503, body: "busy", headers: { "retry-after": "7" } } as const
    yield* order({ method: "GET", path: "/api/auth/*", times: 2, outcome })
    expect((yield* see("/api/auth/login", { method: "POST", body: "{}" })).status).not.toBe(503)
    expect((yield* see("/api/system/info")).status).toBe(401)
    const first = yield* see("/api/auth/user")
    expect([first.status, first.text, first.headers.get("retry-after")]).toEqual([503, "busy", "7"])
    expect((yield* see("/api/auth/user?again=1")).status).toBe(503)
    expect((yield* see("/api/auth/user")).status).toBe(401)
  })
)

trouble("calls are recorded with their answers until they are forgotten", () =>
  Effect.gen(function* () {
    const { faults } = yield* Emulator
    yield* order({ path: "/api/auth/user", outcome: { type: "Status", status: 500 } })
    yield* see("/api/auth/user")
    yield* see("/api/tenant/devices?pageSize=1&page=0")
    expect(yield* calls).toEqual(["GET /api/auth/user 500", "GET /api/tenant/devices?pageSize=1&page=0 401"])
    expect(faults.calls({ method: "GET", path: "/api/tenant/*" })).toHaveLength(1)
    expect(faults.calls({ method: "POST" })).toEqual([])
    faults.clearCalls()
    expect(yield* calls).toEqual([])
  })
)

trouble("latency comes before the true answer", () =>
  Effect.gen(function* () {
    yield* order({ latencyMillis: 60 })
    const from = performance.now()
    expect((yield* see("/api/auth/user")).status).toBe(401)
    expect(performance.now() - from).toBeGreaterThanOrEqual(59)
  })
)

trouble("a call that hangs has no answer when its caller gives up, and the server stays well", () =>
  Effect.gen(function* () {
    yield* order({ outcome: { type: "Hang" } })
    const hung = yield* failure("/api/auth/user", { signal: AbortSignal.timeout(50) })
    expect(hung).toEqual({ status: undefined, failure: "TimeoutError", text: "" })
    expect((yield* see("/api/auth/user")).status).toBe(401)
    expect((yield* calls)[0]).toBe("GET /api/auth/user null")
  })
)

trouble("a reset connection fails before there is a status", () =>
  Effect.gen(function* () {
    yield* order({ outcome: { type: "Reset" } })
    const reset = yield* failure("/api/auth/user", { headers: { connection: "close" } })
    expect([reset.status, reset.failure]).toEqual([undefined, "ECONNRESET"])
    expect(yield* calls).toEqual(["GET /api/auth/user null"])
  })
)

trouble("a truncated body comes with its status and then fails", () =>
  Effect.gen(function* () {
    const token = yield* login
    yield* order({ path: "/api/auth/user", outcome: { type: "Truncate", bytes: 20 } })
    const cut = yield* failure("/api/auth/user", { headers: { "X-Authorization": `Bearer ${token}` } })
    expect([cut.status, cut.failure]).toEqual([200, "ECONNRESET"])
  })
)

trouble("garbage says that it is JSON and is not; a redirect leads where it was told to", () =>
  Effect.gen(function* () {
    yield* order({ outcome: { type: "Garbage" } })
    yield* order({ outcome: { type: "Garbage", body: "<html>" } })
    yield* order({ outcome: { type: "Redirect", location: "http://elsewhere.example/" } })
    const garbage = yield* see("/api/auth/user")
    expect([garbage.status, garbage.headers.get("content-type")]).toEqual([200, "application/json"])
    expect(() => JSON.parse(garbage.text) as unknown).toThrow()
    expect((yield* see("/api/auth/user")).text).toBe("<html>")
    const redirect = yield* see("/api/auth/user")
    expect([redirect.status, redirect.headers.get("location")]).toEqual([302, "http://elsewhere.example/"])
  })
)

trouble("revoked tokens are refused from that call on", () =>
  Effect.gen(function* () {
    const headers = { "X-Authorization": `Bearer ${yield* login}` }
    yield* order({ path: "/api/auth/user", outcome: { type: "RevokeTokens" } })
    expect((yield* see("/api/tenant/devices?pageSize=1&page=0", { headers })).status).toBe(200)
    expect((yield* see("/api/auth/user", { headers })).status).toBe(401)
    expect((yield* see("/api/tenant/devices?pageSize=1&page=0", { headers })).status).toBe(401)
    expect((yield* see("/api/auth/user", { headers: { "X-Authorization": `Bearer ${yield* login}` } })).status).toBe(200)
  })
)

trouble("what was ordered for always ends when it is taken back", () =>
  Effect.gen(function* () {
    const { faults } = yield* Emulator
    yield* order({ times: "always", outcome: { type: "Status", status: 502 } })
    for (let n = 0; n < 3; n++) expect((yield* see("/api/auth/user")).status).toBe(502)
    faults.clearFaults()
    expect((yield* see("/api/auth/user")).status).toBe(401)
  })
)

trouble("another process orders faults and reads the calls over HTTP", () =>
  Effect.gen(function* () {
    const fault = { path: "/api/*", times: 2, outcome: { type: "Status", status: 429 } }
    expect((yield* see("/__emulator/faults", { method: "POST", body: JSON.stringify(fault) })).status).toBe(204)
    expect((yield* see("/api/auth/user")).status).toBe(429)
    expect((yield* see("/__emulator/faults", { method: "DELETE" })).status).toBe(204)
    expect((yield* see("/api/auth/user")).status).toBe(401)
    const recorded = yield* see("/__emulator/calls?path=/api/auth/*")
    expect(JSON.parse(recorded.text)).toEqual([
      { method: "GET", path: "/api/auth/user", query: "", status: 429 },
      { method: "GET", path: "/api/auth/user", query: "", status: 401 }
    ])
    expect((yield* see("/__emulator/calls", { method: "DELETE" })).status).toBe(204)
    expect((yield* see("/__emulator/calls")).text).toBe("[]")
  })
)

trouble("an order that makes no sense is refused with the reason", () =>
  Effect.gen(function* () {
    const refused = yield* see("/__emulator/faults", { method: "POST", body: '{"outcome":{"type":"Explode"}}' })
    expect(refused.status).toBe(400)
    expect(refused.text).toContain("outcome")
    expect((yield* see("/__emulator/faults", { method: "POST", body: '{"pth":"/api"}' })).text).toContain("pth")
    expect((yield* see("/api/auth/user")).status).toBe(401)
  })
)
