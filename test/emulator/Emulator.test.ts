import { expect, test } from "bun:test"
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { TestClock } from "effect/testing"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Emulator, type EmulatorOptions } from "../../src/emulator/Emulator.ts"
import { ThingsBoardApi } from "../../src/thingsboard/api/ThingsBoardApi.ts"
import { effect } from "../support/effectTest.ts"

interface Answer {
  readonly status: number
  readonly text: string
}

const call = (url: string, init: RequestInit = {}): Effect.Effect<Answer> =>
  Effect.promise(async () => {
    const response = await fetch(url, { redirect: "manual", ...init })
    return { status: response.status, text: await response.text() }
  })

const login = (username: string, password: string) =>
  Effect.gen(function* () {
    const { url } = yield* Emulator
    return yield* call(`${url}/api/auth/login`, { method: "POST", body: JSON.stringify({ username, password }) })
  })

const get = (path: string, token: string) =>
  Effect.flatMap(Emulator, ({ url }) => call(url + path, { headers: { "X-Authorization": `Bearer ${token}` } }))

const tokenOf = (answer: Answer) => (JSON.parse(answer.text) as { token: string }).token

const tenantLogin = Effect.flatMap(Emulator, ({ password, username }) => Effect.map(login(username, password), tokenOf))

const using = (options: Partial<EmulatorOptions>) => Effect.provide(Layer.fresh(Emulator.layer({ version: "4.3", ...options })))

effect("the gateway's own derived client reads from it", () =>
  Effect.gen(function* () {
    const { store, url, username } = yield* Emulator
    const { tenantId } = store.directory.userByEmail(username)!
    const device = store.directory.createDevice({ tenantId, name: "Meter", type: "meter", now: 0 })
    store.telemetry.save(device, [{ key: "power", ts: 1_700_000_000_000, value: 21.5 }])
    const token = yield* tenantLogin
    const client = yield* HttpApiClient.make(ThingsBoardApi, {
      baseUrl: url,
      transformClient: HttpClient.mapRequest(HttpClientRequest.setHeader("x-authorization", `Bearer ${token}`))
    })
    const page = yield* client.devices.tenantDevices({ query: { pageSize: 10, page: 0 } })
    expect(page.data.map(({ name, type }) => [name, type])).toEqual([["Meter", "meter"]])
    const series = yield* client.telemetry.values({
      params: { entityType: "DEVICE", entityId: device.id },
      query: { keys: "power", useStrictDataTypes: true }
    })
    expect(series).toEqual({ power: [{ ts: 1_700_000_000_000, value: 21.5 }] })
  }).pipe(using({}), Effect.provide(FetchHttpClient.layer))
)

effect("one failed login too many locks the account, also for the right password", () =>
  Effect.gen(function* () {
    const { password, username } = yield* Emulator
    const failed = [yield* login(username, "wrong"), yield* login(username, "wrong"), yield* login(username, "wrong")]
    expect(failed.map(({ text }) => (JSON.parse(text) as { message: string }).message)).toEqual([
      "Invalid username or password",
      "Invalid username or password",
      "User account is locked due to security policy"
    ])
    const right = yield* login(username, password)
    expect(right.status).toBe(401)
    expect(right.text).toContain("User account is not active")
  }).pipe(using({ maxFailedLogins: 2 }))
)

effect("an account with a second factor gets no refresh token, and its token opens nothing", () =>
  Effect.gen(function* () {
    const { password, store, username } = yield* Emulator
    store.accounts.setLoginChallenge(store.directory.userByEmail(username)!.id, "SECOND_FACTOR")
    const answer = yield* login(username, password)
    expect(Object.keys(JSON.parse(answer.text) as object)).toEqual(["token", "scope"])
    expect((yield* get("/api/tenant/devices?pageSize=1&page=0", tokenOf(answer))).status).toBe(403)
  }).pipe(using({}))
)

effect("an expired password is told with code 15", () =>
  Effect.gen(function* () {
    const { password, store, username } = yield* Emulator
    store.accounts.setLoginChallenge(store.directory.userByEmail(username)!.id, "PASSWORD_EXPIRED")
    const answer = yield* login(username, password)
    expect(answer.status).toBe(401)
    expect(answer.text).toContain('"errorCode":15')
  }).pipe(using({}))
)

effect("logout ends its own session from the next second on, and no other", () =>
  Effect.gen(function* () {
    const { url } = yield* Emulator
    const [one, other] = [yield* tenantLogin, yield* tenantLogin]
    yield* TestClock.adjust("1 second")
    yield* call(`${url}/api/auth/logout`, { method: "POST", headers: { "X-Authorization": `Bearer ${one}` } })
    const ended = yield* get("/api/auth/user", one)
    expect([ended.status, ended.text.includes('"errorCode":11')]).toEqual([401, true])
    expect((yield* get("/api/auth/user", other)).status).toBe(200)
  }).pipe(using({}))
)

effect("revoked tokens are told as expired", () =>
  Effect.gen(function* () {
    const { revokeTokens } = yield* Emulator
    const token = yield* tenantLogin
    yield* revokeTokens
    expect((yield* get("/api/auth/user", token)).text).toContain("Token has expired")
  }).pipe(using({}))
)

effect("a tenant sees nothing of another, but the history of an id that it knows", () =>
  Effect.gen(function* () {
    const { createTenant, store, username } = yield* Emulator
    const { tenantId } = store.directory.userByEmail(username)!
    const device = store.directory.createDevice({ tenantId, name: "Private", now: 0 })
    store.telemetry.save(device, [{ key: "v", ts: 1000, value: 1n }])
    yield* createTenant({ username: "other@example.org", password: Redacted.make("other") })
    const token = tokenOf(yield* login("other@example.org", "other"))
    const path = `/api/plugins/telemetry/DEVICE/${device.id}/values/timeseries?keys=v`
    expect((yield* get("/api/tenant/devices?pageSize=10&page=0", token)).text).not.toContain("Private")
    expect((yield* get(`/api/device/${device.id}`, token)).status).toBe(404)
    expect((yield* get(path, token)).status).toBe(404)
    expect((yield* get(`${path}&startTs=0&endTs=2000`, token)).text).toBe('{"v":[{"ts":1000,"value":"1"}]}')
  }).pipe(using({}))
)

effect("the rate limit is each tenant's own and refills with time", () =>
  Effect.gen(function* () {
    const { createTenant } = yield* Emulator
    yield* createTenant({ username: "other@example.org", password: Redacted.make("other") })
    const [token, other] = [yield* tenantLogin, tokenOf(yield* login("other@example.org", "other"))]
    const statuses = [yield* get("/api/auth/user", token), yield* get("/api/auth/user", token), yield* get("/api/auth/user", other)]
    yield* TestClock.adjust("60 seconds")
    statuses.push(yield* get("/api/auth/user", token))
    expect(statuses.map(({ status }) => status)).toEqual([200, 429, 200, 200])
  }).pipe(using({ rateLimit: "1:60" }))
)

effect("the system's administrator lists tenants and sees no devices", () =>
  Effect.gen(function* () {
    const token = tokenOf(yield* login("sysadmin@thingsboard.org", "sysadmin"))
    expect((yield* get("/api/tenants?pageSize=10&page=0", token)).text).toContain('"title":"Tenant"')
    expect((yield* get("/api/tenant/devices?pageSize=10&page=0", token)).status).toBe(403)
  }).pipe(using({}))
)

effect("outside of /api there is the web page, and 4.1 does not know what came later", () =>
  Effect.gen(function* () {
    const { url } = yield* Emulator
    const token = yield* tenantLogin
    const page = yield* call(`${url}/actuator/health`)
    expect([page.status, page.text.startsWith("<!doctype html>")]).toEqual([200, true])
    expect((yield* get(`/api/apiKeys/${crypto.randomUUID()}?pageSize=1&page=0`, token)).status).toBe(404)
  }).pipe(using({ version: "4.1" }))
)

effect(
  "a body of more than 16 MiB is refused with a bare JSON string that has no type",
  () =>
    Effect.gen(function* () {
      const { url } = yield* Emulator
      const token = yield* tenantLogin
      const init = { method: "POST", headers: { "X-Authorization": `Bearer ${token}` }, body: new Uint8Array(16 * 1024 * 1024 + 1) }
      const response = yield* Effect.promise(() => fetch(`${url}/api/device`, init))
      expect([response.status, response.headers.get("content-type")]).toEqual([413, null])
      expect(typeof (yield* Effect.promise(() => response.json()))).toBe("string")
    }).pipe(using({})),
  20_000
)

test("a file keeps what was stored", async () => {
  const folder = mkdtempSync(join(tmpdir(), "emulator-"))
  const run = <A>(body: Effect.Effect<A, never, Emulator>) =>
    Effect.runPromise(body.pipe(using({ file: join(folder, "site.sqlite") }), Effect.scoped, Effect.orDie))
  try {
    await run(
      Effect.map(Emulator, ({ store, username }) => {
        const { tenantId } = store.directory.userByEmail(username)!
        store.telemetry.save(store.directory.createDevice({ tenantId, name: "Kept", now: 0 }), [{ key: "big", ts: 1, value: 2n ** 62n }])
      })
    )
    const kept = await run(
      Effect.map(Emulator, ({ store, username }) => {
        const { tenantId } = store.directory.userByEmail(username)!
        return store.telemetry.latest(store.directory.byName(tenantId, "DEVICE", "Kept")!, "big")
      })
    )
    expect(kept).toEqual({ ts: 1, value: 2n ** 62n })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
