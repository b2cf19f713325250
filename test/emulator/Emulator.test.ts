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

interface Response {
  readonly status: number
  readonly text: string
}

const request = (url: string, init: RequestInit = {}): Effect.Effect<Response> =>
  Effect.promise(async () => {
    const response = await fetch(url, { redirect: "manual", ...init })
    return { status: response.status, text: await response.text() }
  })

const login = (username: string, password: string) =>
  Effect.gen(function* () {
    const { url } = yield* Emulator
    return yield* request(`${url}/api/auth/login`, { method: "POST", body: JSON.stringify({ username, password }) })
  })

const get = (path: string, token: string) =>
  Effect.flatMap(Emulator, ({ url }) => request(url + path, { headers: { "X-Authorization": `Bearer ${token}` } }))

const tokenOf = (response: Response) => (JSON.parse(response.text) as { token: string }).token

const tenantLogin = Effect.flatMap(Emulator, ({ password, username }) => Effect.map(login(username, password), tokenOf))

const withEmulator = (options: Partial<EmulatorOptions>) => Effect.provide(Layer.fresh(Emulator.layer({ version: "4.3", ...options })))

effect("the client derived from the gateway's API definition can read from the emulator", () =>
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
  }).pipe(withEmulator({}), Effect.provide(FetchHttpClient.layer))
)

effect("lists ignore a type without any character beyond U+0020, as Java's trim does", () =>
  Effect.gen(function* () {
    const { store, username } = yield* Emulator
    const { tenantId } = store.directory.userByEmail(username)!
    for (const type of ["meter", "pump"]) store.directory.createDevice({ tenantId, name: type, type, now: 0 })
    const token = yield* tenantLogin
    const lists = ["/api/tenant/devices", "/api/tenant/deviceInfos"]
    const totals = { "": 2, "%20": 2, "%09%20%00": 2, "%1F": 2, meter: 1, "%20meter": 0, "meter%20": 0, "%C2%A0": 0 }
    for (const list of lists) {
      for (const [type, total] of Object.entries(totals)) {
        const page = JSON.parse((yield* get(`${list}?pageSize=10&page=0&type=${type}`, token)).text)
        expect([list, type, page.totalElements]).toEqual([list, type, total])
      }
    }
  }).pipe(withEmulator({}))
)

effect("one failed login too many locks the account, even for the right password", () =>
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
  }).pipe(withEmulator({ maxFailedLogins: 2 }))
)

effect("an account with a second factor gets no refresh token, and its token gives no access", () =>
  Effect.gen(function* () {
    const { password, store, username } = yield* Emulator
    store.accounts.setLoginChallenge(store.directory.userByEmail(username)!.id, "SECOND_FACTOR")
    const response = yield* login(username, password)
    expect(Object.keys(JSON.parse(response.text) as object)).toEqual(["token", "scope"])
    expect((yield* get("/api/tenant/devices?pageSize=1&page=0", tokenOf(response))).status).toBe(403)
  }).pipe(withEmulator({}))
)

effect("an expired password is reported with error code 15", () =>
  Effect.gen(function* () {
    const { password, store, username } = yield* Emulator
    store.accounts.setLoginChallenge(store.directory.userByEmail(username)!.id, "PASSWORD_EXPIRED")
    const response = yield* login(username, password)
    expect(response.status).toBe(401)
    expect(response.text).toContain('"errorCode":15')
  }).pipe(withEmulator({}))
)

effect("logout ends its own session from the next second on, and no other session", () =>
  Effect.gen(function* () {
    const { url } = yield* Emulator
    const [one, other] = [yield* tenantLogin, yield* tenantLogin]
    yield* TestClock.adjust("1 second")
    yield* request(`${url}/api/auth/logout`, { method: "POST", headers: { "X-Authorization": `Bearer ${one}` } })
    const ended = yield* get("/api/auth/user", one)
    expect([ended.status, ended.text.includes('"errorCode":11')]).toEqual([401, true])
    expect((yield* get("/api/auth/user", other)).status).toBe(200)
  }).pipe(withEmulator({}))
)

effect("revoked tokens are reported as expired", () =>
  Effect.gen(function* () {
    const { revokeTokens } = yield* Emulator
    const token = yield* tenantLogin
    yield* revokeTokens
    expect((yield* get("/api/auth/user", token)).text).toContain("Token has expired")
  }).pipe(withEmulator({}))
)

effect("a tenant sees nothing of another tenant except the history of a known id", () =>
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
  }).pipe(withEmulator({}))
)

effect("each tenant has its own rate limit, which refills over time", () =>
  Effect.gen(function* () {
    const { createTenant } = yield* Emulator
    yield* createTenant({ username: "other@example.org", password: Redacted.make("other") })
    const [token, other] = [yield* tenantLogin, tokenOf(yield* login("other@example.org", "other"))]
    const statuses = [yield* get("/api/auth/user", token), yield* get("/api/auth/user", token), yield* get("/api/auth/user", other)]
    yield* TestClock.adjust("60 seconds")
    statuses.push(yield* get("/api/auth/user", token))
    expect(statuses.map(({ status }) => status)).toEqual([200, 429, 200, 200])
  }).pipe(withEmulator({ rateLimit: "1:60" }))
)

effect("the system administrator can list tenants but not devices", () =>
  Effect.gen(function* () {
    const token = tokenOf(yield* login("sysadmin@thingsboard.org", "sysadmin"))
    expect((yield* get("/api/tenants?pageSize=10&page=0", token)).text).toContain('"title":"Tenant"')
    expect((yield* get("/api/tenant/devices?pageSize=10&page=0", token)).status).toBe(403)
  }).pipe(withEmulator({}))
)

effect("paths outside of /api return the web page, and 4.1 lacks the endpoints of later versions", () =>
  Effect.gen(function* () {
    const { url } = yield* Emulator
    const token = yield* tenantLogin
    const page = yield* request(`${url}/actuator/health`)
    expect([page.status, page.text.startsWith("<!doctype html>")]).toEqual([200, true])
    expect((yield* get(`/api/apiKeys/${crypto.randomUUID()}?pageSize=1&page=0`, token)).status).toBe(404)
  }).pipe(withEmulator({ version: "4.1" }))
)

effect(
  "a body of more than 16 MiB is rejected with a bare JSON string without a content type",
  () =>
    Effect.gen(function* () {
      const { url } = yield* Emulator
      const token = yield* tenantLogin
      const init = { method: "POST", headers: { "X-Authorization": `Bearer ${token}` }, body: new Uint8Array(16 * 1024 * 1024 + 1) }
      const response = yield* Effect.promise(() => fetch(`${url}/api/device`, init))
      expect([response.status, response.headers.get("content-type")]).toEqual([413, null])
      expect(typeof (yield* Effect.promise(() => response.json()))).toBe("string")
    }).pipe(withEmulator({})),
  120_000
)

test("data in a file survives a restart", async () => {
  const folder = mkdtempSync(join(tmpdir(), "emulator-"))
  const run = <A>(body: Effect.Effect<A, never, Emulator>) =>
    Effect.runPromise(body.pipe(withEmulator({ file: join(folder, "site.sqlite") }), Effect.scoped, Effect.orDie))
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

const post = (path: string, token: string, body: unknown) =>
  Effect.flatMap(Emulator, ({ url }) =>
    request(url + path, { method: "POST", headers: { "X-Authorization": `Bearer ${token}` }, body: JSON.stringify(body) })
  )

const snmpV3 = {
  type: "SNMP",
  host: "10.0.0.5",
  port: 161,
  protocolVersion: "V3",
  community: "public",
  username: "reader",
  securityName: "reader",
  contextName: "",
  authenticationProtocol: "SHA_512",
  authenticationPassphrase: "first passphrase",
  privacyProtocol: "AES_256",
  privacyPassphrase: "second passphrase",
  engineId: ""
}

effect("devices keep the transport configuration of their profile's transport type", () =>
  Effect.gen(function* () {
    const token = yield* tenantLogin
    const profileData = { configuration: { type: "DEFAULT" }, transportConfiguration: { type: "SNMP", timeoutMs: 500, retries: 0 } }
    const created = JSON.parse((yield* post("/api/deviceProfile", token, { name: "switch", transportType: "SNMP", profileData })).text)
    const profile = JSON.parse((yield* get(`/api/deviceProfile/${created.id.id}`, token)).text)
    expect(profile).toMatchObject({ name: "switch", type: "DEFAULT", transportType: "SNMP", profileData })
    const infos = JSON.parse((yield* get("/api/deviceProfileInfos?pageSize=10&page=0&textSearch=switch", token)).text)
    expect(infos.data.map((info: { transportType: string }) => info.transportType)).toEqual(["SNMP"])

    const save = (name: string, transportConfiguration: unknown, more = {}) =>
      Effect.map(post("/api/device", token, { name, deviceData: { transportConfiguration }, ...more }), ({ status, text }) => ({
        status,
        sent: status === 200 ? JSON.parse(text).deviceData.transportConfiguration : text
      }))
    const byProfile = { deviceProfileId: { entityType: "DEVICE_PROFILE", id: created.id.id } }
    expect(yield* save("Switch 1", snmpV3, byProfile)).toEqual({ status: 200, sent: snmpV3 })
    const defaults = { type: "SNMP", host: "localhost", port: 161, protocolVersion: "V2C", community: "public", engineId: null }
    expect((yield* save("Switch 2", undefined, { type: "switch" })).sent).toMatchObject(defaults)
    expect((yield* save("Switch 3", { type: "MQTT", password: "x" }, { type: "switch" })).sent).toMatchObject(defaults)
    expect((yield* save("Meter", snmpV3, { type: "meter" })).sent).toEqual({ type: "DEFAULT" })
    const incomplete = yield* save("Switch 4", { ...snmpV3, privacyPassphrase: " " }, byProfile)
    expect([incomplete.status, incomplete.sent]).toEqual([400, expect.stringContaining("Transport configuration is not valid")])

    const page = JSON.parse((yield* get("/api/tenant/deviceInfos?pageSize=10&page=0&type=switch&textSearch=1", token)).text)
    expect(page.data[0].deviceData.transportConfiguration).toEqual(snmpV3)
  }).pipe(withEmulator({}))
)

effect("an MQTT device keeps any field of its transport configuration", () =>
  Effect.gen(function* () {
    const token = yield* tenantLogin
    yield* post("/api/deviceProfile", token, { name: "gate", transportType: "MQTT" })
    const transportConfiguration = { type: "MQTT", brokerPassword: "x", nested: { a: [1, 1.1] } }
    const saved = yield* post("/api/device", token, { name: "Gate", type: "gate", deviceData: { transportConfiguration } })
    expect(JSON.parse(saved.text).deviceData).toEqual({ configuration: { type: "DEFAULT" }, transportConfiguration })
  }).pipe(withEmulator({}))
)
