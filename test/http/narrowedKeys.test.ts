/** A key that loses rights: what it has begun ends with them, and goes on when it only gains rights or is renamed. */
import { expect, test } from "bun:test"
import { Effect, Redacted } from "effect"
import { connect } from "node:net"
import type { ApiKey, ApiKeys } from "../../src/apikeys/ApiKeys.ts"
import { allScopes } from "../../src/domain/ApiKey.ts"
import { DeviceId } from "../../src/domain/Ids.ts"
import { addressMatcher } from "../../src/domain/Network.ts"
import { Visibility } from "../../src/domain/Visibility.ts"
import { RequestAuthentication } from "../../src/http/CurrentAuthentication.ts"
import { live } from "../support/effectTest.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { keyOf, renderKeyFile, writeKeyFile } from "../support/keyFile.ts"
import { parseResponses } from "../support/rawHttp.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"

const t0 = 1_700_000_000_000
const uuid = (n: number) => `784f394c-42b6-435a-983c-${String(n).padStart(12, "0")}`

const key = (changes: Partial<ApiKey> = {}): ApiKey => ({
  _tag: "ApiKey",
  id: "reader",
  digest: "00",
  scopes: new Set(["telemetry:read", "telemetry:write"]),
  devices: undefined,
  thingsBoard: undefined,
  lacksSecret: false,
  rateLimit: undefined,
  allowsAddress: undefined,
  expiresAt: Number.POSITIVE_INFINITY,
  ...changes
})

/** Why a request that began with one version of a key may not go on with another. */
const endOf = (atStart: ApiKey, current: ApiKey | undefined) => {
  const keys: ApiKeys["Service"] = {
    authenticate: () => atStart,
    current: () => current,
    byId: () => undefined,
    fileState: () => undefined
  }
  const authentication = new RequestAuthentication()
  authentication.authenticate("text", keys, { currentTimeMillisUnsafe: () => 0 } as never, "192.0.2.1")
  authentication.scope = "telemetry:write"
  // The second time, the first comparison is remembered.
  const [first, second] = [authentication.findEnd(), authentication.findEnd()]
  expect(second).toBe(first)
  return first
}

const devices = (restriction: ConstructorParameters<typeof Visibility>[0], assets?: ConstructorParameters<typeof Visibility>[1]) => ({
  devices: new Visibility(restriction, assets)
})
const user = (username: string, password = "a") => ({
  thingsBoard: { _tag: "Password", username, password: Redacted.make(password) } as const
})
const apiKey = (text: string) => ({ thingsBoard: { _tag: "ApiKey", key: Redacted.make(text) } as const })

test("a request goes on only while its key has the request's scope, as many devices and assets, the same user and the client's address", () => {
  const [a, b] = [DeviceId.make(uuid(1)), DeviceId.make(uuid(2))]
  const customer = { customer: uuid(9) }
  const both = { ids: [a], types: ["meter"], ...customer }
  const cases: ReadonlyArray<readonly [Partial<ApiKey>, Partial<ApiKey> | undefined, "ended" | "narrowed" | undefined]> = [
    [{}, {}, undefined],
    [{}, undefined, "ended"],
    [{}, { id: "renamed", expiresAt: 5, rateLimit: { requests: 1, windowMillis: 1 } }, undefined],
    [{}, { scopes: new Set(allScopes) }, undefined],
    [{}, { scopes: new Set(["telemetry:write"] as const) }, undefined],
    [{}, { scopes: new Set(["telemetry:read"] as const) }, "narrowed"],
    [{}, { scopes: new Set() }, "narrowed"],
    [{}, devices({ ids: [a] }), "narrowed"],
    [devices({ ids: [a] }), {}, undefined],
    [devices({ ids: [a] }), devices({ ids: [DeviceId.make(a.toUpperCase()), b] }), undefined],
    [devices({ ids: [a, b] }), devices({ ids: [b] }), "narrowed"],
    [devices({ ids: [a] }), devices({ types: ["meter"] }), "narrowed"],
    [devices({ types: ["meter"] }), devices(both), undefined],
    [devices(both), devices({ ids: [a], types: ["meter"] }), "narrowed"],
    [devices(both), devices({ ...both, customer: uuid(8) }), "narrowed"],
    [devices(customer), devices({ customer: uuid(8) }), "narrowed"],
    [devices(both, "none"), devices(both, "related"), undefined],
    [devices(both, "related"), devices(both, "all"), undefined],
    [devices(both, "all"), devices(both), "narrowed"],
    [devices(both), devices(both, "none"), "narrowed"],
    [user("a"), user("a"), undefined],
    [user("a"), user("a", "another password"), undefined],
    [user("a"), user("b"), "narrowed"],
    [user("a"), {}, "narrowed"],
    [{}, user("a"), "narrowed"],
    [user("a"), apiKey("a"), "narrowed"],
    [apiKey("a"), apiKey("a"), undefined],
    [apiKey("a"), apiKey("b"), "narrowed"],
    [user("a"), { ...user("a"), lacksSecret: true }, "narrowed"],
    [{}, { allowsAddress: addressMatcher(["192.0.2.0/24"]) }, undefined],
    [{}, { allowsAddress: addressMatcher(["198.51.100.0/24"]) }, "ended"]
  ]
  for (const [i, [atStart, now, expected]] of cases.entries())
    expect([i, endOf(key(atStart), now === undefined ? undefined : key(now))]).toEqual([i, expected])
})

/** Starts a request, and returns a function that sends the rest of its body and waits for the response. */
const begin = (url: string, head: ReadonlyArray<string>, first: string) => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ""
  socket.on("data", (bytes) => (text += bytes.toString("latin1")))
  socket.on("error", () => undefined)
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()))
  socket.write(`${head.join("\r\n")}\r\n\r\n${first}`)
  return (rest: string) =>
    Effect.promise(async () => {
      if (!socket.destroyed) socket.write(rest)
      await closed
      const [response] = parseResponses(text)
      return { status: response?.status, body: response?.body ?? "" }
    })
}

const waitUntil = (condition: () => boolean) =>
  Effect.promise(async () => {
    while (!condition()) await Bun.sleep(20)
  })

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
const row = (i: number) => `{"ts":${t0 + i},"key":"imported","value":${i}}\n`

const before = { devices: { types: ["meter"] }, thingsboard: { username: "guest@example.com", password: { env: "GUEST" } } }

/** What each key becomes while its requests run, and the status that they get. */
const changes = {
  lessScopes: [{ ...before, scopes: ["devices:read" as const] }, 403],
  otherType: [{ ...before, devices: { types: ["sensor"] } }, 403],
  otherDevice: [{ ...before, devices: { ids: [uuid(5)] } }, 403],
  otherUser: [{ devices: before.devices }, 403],
  otherPlace: [{ ...before, cidrs: ["192.0.2.0/24"] }, 401],
  disabled: [{ ...before, disabled: true }, 401],
  wider: [{ ...before, devices: { types: ["meter", "sensor"] }, cidrs: ["127.0.0.0/8", "::1"], name: "Other name" }, 0],
  unrestricted: [{ thingsboard: before.thingsboard, expires_at: "2100-01-01T00:00:00Z" }, 0]
} as const

const successes = { import: 200, upload: 201, queued: 202, attributes: 201, query: 200 }

const names = Object.keys(changes) as ReadonlyArray<keyof typeof changes>

live("whatever runs when a key loses rights ends, before it stores or returns anything more", () =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile(Object.fromEntries(names.map((name) => [name, before])))
    const spoolDir = yield* temporaryFolder("narrowed")
    const it = yield* gateway({
      environment: { GUEST: canaries.guestPassword },
      settings: { apiKeysFile, maxConcurrentExports: 100, spoolDir }
    })
    const { accounts, directory, telemetry } = it.emulator.store
    const { tenantId } = it.tenant
    accounts.createUser({
      tenantId,
      email: "guest@example.com",
      authority: "TENANT_ADMIN",
      password: Redacted.make(canaries.guestPassword),
      now: 1
    })
    const devices = new Map(names.map((name, i) => [name, directory.createDevice({ tenantId, name, type: "meter", now: i })]))
    const points = Array.from({ length: 100_000 }, (_, i) => ({ ts: t0 + i, value: String(i).padStart(200, "x") }))
    for (const name of names) telemetry.loadBulk(devices.get(name)!, "long", points)

    const path = (name: keyof typeof changes, rest: string) => `/api/v1/tb/devices/${devices.get(name)!.id}/${rest}`
    const headOf = (name: keyof typeof changes, rest: string, type: string, framing: string) => [
      `POST ${path(name, rest)} HTTP/1.1`,
      "Host: gateway",
      `X-API-Key: ${keyOf(name)}`,
      `Content-Type: ${type}`,
      framing,
      "Connection: close"
    ]
    const prefer = "Prefer: respond-async"
    const beginJson = (name: keyof typeof changes, rest: string, body: unknown, ...more: ReadonlyArray<string>) => {
      const text = JSON.stringify(body)
      const head = [...headOf(name, rest, "application/json", `Content-Length: ${text.length}`), ...more]
      const finish = begin(it.url, head, text.slice(0, 10))
      return () => finish(text.slice(10))
    }

    const running = names.map((name) => {
      const importing = begin(it.url, headOf(name, "telemetry/import", "application/x-ndjson", "Transfer-Encoding: chunked"), chunk(row(0)))
      // Senders that fall silent are not waited for.
      const silent =
        changes[name][1] === 0
          ? []
          : [
              begin(it.url, headOf(name, "telemetry/import", "text/csv", "Content-Length: 1000"), "ts,silent\n"),
              begin(it.url, [...headOf(name, "telemetry", "application/json", "Content-Length: 1000"), prefer], "{")
            ]
      return {
        name,
        silent,
        writes: {
          import: () => importing(`${chunk(row(1))}0\r\n\r\n`),
          upload: beginJson(name, "telemetry", { uploaded: [{ ts: t0, value: 1 }] }),
          queued: beginJson(name, "telemetry", { queued: [{ ts: t0, value: 1 }] }, prefer),
          attributes: beginJson(name, "attributes/server", { owner: "me" })
        },
        reads: { query: beginJson(name, "telemetry/query", { keys: ["long"], start_ts: t0, end_ts: t0 + 5 }) },
        download: fetch(`${it.url}${path(name, "telemetry/export")}?start_ts=${t0}&end_ts=${t0 + points.length}&format=csv`, {
          headers: { "x-api-key": keyOf(name) }
        })
      }
    })
    for (const { download } of running) expect((yield* Effect.promise(() => download)).status).toBe(200)

    const next = renderKeyFile(Object.fromEntries(names.map((name) => [name, changes[name][0]])))
    yield* Effect.promise(() => Bun.write(apiKeysFile, next))
    yield* waitUntil(() => it.records.some(({ message }) => message === "API_KEYS_FILE was reloaded"))

    for (const { download, name, reads, silent, writes } of running) {
      const device = devices.get(name)!
      const status = changes[name][1]
      for (const finish of silent) expect([name, (yield* finish("")).status]).toEqual([name, status])
      for (const [what, finish] of Object.entries({ ...writes, ...reads })) {
        const response = yield* finish()
        expect([name, what, response.status]).toEqual([name, what, status === 0 ? successes[what as keyof typeof successes] : status])
        if (status !== 0) {
          expect(response.body).toContain(status === 401 ? "AUTHENTICATION_FAILED" : "AUTHORIZATION_FAILED")
          expect(response.body).not.toContain("xxxx")
        }
      }
      if (status === 0) yield* waitUntil(() => telemetry.latest(device, "queued") !== undefined)
      const stored = ["imported", "uploaded", "queued"].filter((one) => telemetry.latest(device, one) !== undefined)
      expect([name, stored]).toEqual([name, status === 0 ? ["imported", "uploaded", "queued"] : []])
      const size = yield* Effect.promise(async () =>
        (await download).text().then(
          (text) => text.length,
          () => "broken off"
        )
      )
      if (status === 0) expect(size).toBeGreaterThan(points.length * 200)
      else expect([name, size]).toEqual([name, "broken off"])
      const events = it.records.filter((record) => /Security event/.test(String(record.message)) && record["key_id"] === name)
      const expected =
        status === 0 ? [] : Array.from({ length: 8 }, () => [`Security event: ${status}`, status === 401 ? "ended" : "narrowed"])
      expect([name, events.map((event) => [event.message, event["reason"]])]).toEqual([name, expected])
    }
  })
)
