/**
 * The direct routes against the general one: two gateways in front of the same ThingsBoard get the same requests in the same order, one of them with a
 * trace, which sends every request to the general route. Status, headers and bytes must be the same.
 */
import { expect } from "bun:test"
import { join } from "node:path"
import { Clock, Context, Duration, Effect } from "effect"
import { HttpApi } from "effect/http-api"
import { Api } from "../../../src/api/Api.ts"
import { DirectRoute } from "../../../src/api/middleware/DirectRoute.ts"
import type { SettingsShape } from "../../../src/config/Settings.ts"
import { clockOf } from "../../support/clockOf.ts"
import { canaries, gateway } from "../../support/gateway.ts"
import { keyOf, writeKeyFile } from "../../support/keyFile.ts"
import { live } from "../../support/effectTest.ts"
import { propertySeed } from "../../support/propertySeed.ts"
import { randomFrom } from "../../support/random.ts"
import { temporaryFolder } from "../../support/temporaryFolder.ts"

/** Stands still, so that times and rate limits are the same in both gateways. */
const frozenClock = Effect.map(Clock.Clock, (real) => {
  const now = 1_790_000_000_000
  return clockOf({
    millis: () => now,
    nanos: () => BigInt(now) * 1_000_000n,
    monotonicNanos: () => 1_000_000n,
    sleep: (duration) => real.sleep(duration)
  })
})

const trace = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00" }

interface Request {
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** Each gateway gives a queued upload an id of its own. */
const withoutBatchId = (text: string) => text.replace(/(?<="batch_id":"|\/ingest\/)[\da-f-]{36}/, "…")

const send = (url: string, { body, headers, method = "GET", path }: Request, more: Record<string, string>) =>
  Effect.promise(async () => {
    const response = await fetch(url + path, {
      method,
      headers: { "accept-encoding": "identity", ...headers, ...more },
      ...(body === undefined ? {} : { body })
    })
    const received = Object.fromEntries([...response.headers].map(([name, value]) => [name, withoutBatchId(value)]))
    delete received["date"]
    return { status: response.status, headers: received, body: withoutBatchId(await response.text()) }
  })

const site = Effect.fnUntraced(function* (settings: Partial<SettingsShape> = {}) {
  const clock = yield* frozenClock
  const apiKeysFile = yield* writeKeyFile({
    full: {},
    uploader: {},
    limited: { rate_limit: { requests: 3, window_seconds: 60 } },
    scoped: { scopes: ["telemetry:read"] },
    meters: { devices: { types: ["meter"] } },
    expired: { expires_at: "2020-01-01T00:00:00Z" },
    writer: { rate_limit: { requests: 1000, window_seconds: 60, write_bytes: 1024 } },
    heavy: { rate_limit: { requests: 1000, window_seconds: 60, read_bytes: 2048 } }
  })
  const common = { apiKeysFile, ...settings }
  const spoolOf = (name: string) => Effect.map(temporaryFolder(name), (folder) => ({ spoolDir: join(folder, "spool") }))
  const direct = yield* gateway({ clock, untraced: true, settings: { ...common, ...(yield* spoolOf("direct")) } })
  const general = yield* gateway({
    clock,
    untraced: true,
    settings: { ...common, ...(yield* spoolOf("general")), tbHost: direct.emulator.url }
  })
  const ids: Array<string> = []
  for (let i = 0; i < 30; i++) {
    const { id } = direct.emulator.store.directory.createDevice({
      tenantId: direct.tenant.tenantId,
      name: `Device ${i}`,
      type: i % 2 ? "meter" : "sensor",
      now: i
    })
    ids.push(id)
  }
  const points = Object.entries({ temperature: 21.5, "with,comma": 1, open: true, note: 'a"b' })
  const uploaded = yield* direct.call(`/api/v1/tb/devices/${ids[0]}/telemetry`, {
    key: keyOf("uploader"),
    body: Object.fromEntries(points.map(([key, value]) => [key, [{ ts: 1_700_000_000_000, value }]]))
  })
  expect(uploaded.status).toBe(201)
  let next = 0
  /** Sends a request both ways, and returns the one response. */
  const both = (request: Request) =>
    Effect.gen(function* () {
      const headers = { "x-request-id": `request-${next++}` }
      const [one, other] = yield* Effect.all([send(direct.url, request, headers), send(general.url, request, { ...headers, ...trace })], {
        concurrency: 2
      })
      expect({ request, response: one }).toEqual({ request, response: other })
      return one
    })
  return { both, direct, general, ids }
})

const paths = (ids: ReadonlyArray<string>) => [
  "/health",
  "/api/v1/health",
  "/api/v1/tb/devices",
  "/api/v1/tb/assets",
  "/api/v1/tb/device-types",
  "/api/v1/tb/asset-types",
  `/api/v1/tb/devices/${ids[0]}`,
  `/api/v1/tb/devices/${ids[0]!.toUpperCase()}`,
  `/api/v1/tb/devices/${ids[1]}`,
  "/api/v1/tb/devices/784f394c-42b6-435a-983c-b7beff2784f9",
  "/api/v1/tb/devices/not-an-id",
  "/api/v1/tb/assets/784f394c-42b6-435a-983c-b7beff2784f9",
  `/api/v1/tb/devices/${ids[0]}/keys`,
  `/api/v1/tb/devices/${ids[1]}/keys`,
  `/api/v1/tb/devices/${ids[0]}/telemetry/latest`,
  `/api/v1/tb/devices/${ids[1]}/telemetry/latest`,
  // Almost a path.
  "/health/",
  "/Health",
  "/api/v1/tb/devices/",
  "/api/v1/tb//devices",
  "/api/v1/tb/devices%2F",
  `/api/v1/tb/devices/${ids[0]}/`,
  `/api/v1/tb/devices/${ids[0]}/nothing`,
  `/api/v1/tb/devices/${ids[0]!.replace("-", "%2d")}/keys`
]

const queries = `
  ? ?& ?page_size=5 ?page_size=5&page=1 ?page=1&page_size=5 ?page_size=0 ?page_size=1001 ?page_size=05 ?page_size=5.0 ?page_size=1e1
  ?page_size=%35 ?page_size=5&page_size=6 ?page_size= ?page_size ?page=-1 ?page=999999 ?sort=name ?sort=name&order=DESC ?sort=nothing
  ?order=ASC ?active=true ?active=maybe ?device_type=meter ?device_type=meter,sensor ?text_search=Device ?text_search=Device%201
  ?text_search=Device+1 ?text_search=a:b~c ?nothing=1 ?keys=temperature ?keys=temperature,open ?keys= ?keys=, ?keys=temperature,,open
  ?key=with%2Ccomma ?key=open&key=note ?keys=temperature&key=open ?keys=TEMPERATURE ?toString=1 ?__proto__=1 ?page_size=5&
  ?&page_size=5 ?page_size=5#x ?=1
`
  .trim()
  .split(/\s+/)

const headerSets: ReadonlyArray<Record<string, string>> = [
  {},
  {},
  {},
  { "cache-control": "no-cache" },
  { "if-none-match": "*" },
  { "if-none-match": 'W/"abc"' },
  { origin: "https://dashboard.example.com" },
  { origin: "https://elsewhere.example.com" },
  { host: "elsewhere.example.com" },
  { host: "bad host" },
  { "content-encoding": "gzip" },
  { "x-forwarded-for": "203.0.113.7" },
  { "x-long": "a".repeat(20_000) },
  { accept: "text/csv" },
  { "x-request-id": "given by the client" }
]

const keys = [
  keyOf("full"),
  keyOf("full"),
  keyOf("full"),
  keyOf("full"),
  canaries.apiKey,
  keyOf("scoped"),
  keyOf("meters"),
  keyOf("expired"),
  "not a key",
  undefined
]

for (const [name, settings] of Object.entries({
  "with the default settings": {},
  "with allowed hosts, origins and few keys per request": {
    allowedHosts: ["localhost", "127.0.0.1"],
    backendCorsOrigins: ["https://dashboard.example.com"],
    maxKeysPerRequest: 60,
    cacheTtl: Duration.zero
  }
} satisfies Record<string, Partial<SettingsShape>>))
  live(`two thousand generated requests get the same responses ${name}`, () =>
    Effect.gen(function* () {
      const random = randomFrom(propertySeed)
      const pick = <A>(values: ReadonlyArray<A>): A => values[Math.floor(random() * values.length)]!
      const { both, direct, general, ids } = yield* site(settings)
      const statuses = new Map<number, number>()
      // Mostly a plain request with one or two unusual properties, so that each of them is seen alone.
      const pickOr = <A>(usual: A, values: ReadonlyArray<A>): A => (random() < 0.7 ? usual : pick(values))
      for (let i = 0; i < 2000; i++) {
        const key = pickOr(keyOf("full"), keys)
        const { status } = yield* both({
          method: pickOr("GET", ["HEAD", "OPTIONS", "DELETE"]),
          path: pickOr(pick(paths(ids).slice(0, 16)), paths(ids)) + pickOr("", queries),
          headers: { ...(key === undefined ? {} : { "x-api-key": key }), ...pickOr({}, headerSets) }
        })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
      for (const status of [200, 304, 400, 401, 403, 404]) expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0])
      expect(direct.counts.direct).toBeGreaterThan(300)
      expect(general.counts.direct).toBe(0)
    })
  )

const bodies = (ids: ReadonlyArray<string>) => {
  const points = '{"k":[{"ts":1700000000000,"value":1.50}]}'
  return [
    points,
    '{"k":[{"ts":1700000000000,"value":"1"},{"ts":"1700000000000","value":true}],"n":[]}',
    '{"k":[{"ts":1700000000000,"value":1},{"ts":1700000000000,"value":2}]}',
    '{"k":[{"value":1}]}',
    '{"k":1}',
    "{}",
    "[]",
    "",
    "{",
    '\uFEFF{"k":[{"ts":1700000000000,"value":1}]}',
    `{"${ids[0]}":${points}}`,
    `{"Device 1":${points},"${ids[2]}":${points}}`,
    `{"nowhere":${points},"${ids[0]}":${points}}`,
    `{"${ids[0]}":{"k":[{"ts":1700000000000,"value":{"a":[${"[".repeat(100)}]}}]}}`,
    `{"long":[{"ts":1700000000000,"value":"${"x".repeat(20_000)}"}]}`
  ]
}

const uploadHeaderSets: ReadonlyArray<Record<string, string>> = [
  { prefer: "respond-async" },
  { prefer: "respond-async" },
  { prefer: "respond-async", "idempotency-key": "a" },
  { prefer: "wait=5" },
  { prefer: "respond-async, wait=5" },
  { prefer: "x".repeat(2000) },
  { "idempotency-key": "b" },
  { "idempotency-key": '"c"' },
  { "idempotency-key": "not valid;" },
  { "content-type": "text/csv" },
  { "content-type": "application/json; charset=utf-8" },
  { "content-type": "application/json; charset=latin1" },
  { "content-encoding": "gzip" },
  { origin: "https://dashboard.example.com" },
  { host: "elsewhere.example.com" }
]

live("a thousand generated uploads get the same responses", () =>
  Effect.gen(function* () {
    const random = randomFrom(propertySeed)
    const pick = <A>(values: ReadonlyArray<A>): A => values[Math.floor(random() * values.length)]!
    const pickOr = <A>(usual: A, values: ReadonlyArray<A>): A => (random() < 0.7 ? usual : pick(values))
    const { both, direct, general, ids } = yield* site()
    const uploads = [...ids.slice(0, 2), "784f394c-42b6-435a-983c-b7beff2784f9", "not-an-id", "%31"].map(
      (id) => `/api/v1/tb/devices/${id}/telemetry`
    )
    const statuses = new Map<number, number>()
    for (let i = 0; i < 1000; i++) {
      const key = pickOr(keyOf("full"), keys)
      const path = pickOr(pick([uploads[0]!, "/api/v1/tb/telemetry/bulk"]), uploads)
      const usual = bodies(ids)[path.endsWith("bulk") ? 10 : 0]!
      const { status } = yield* both({
        method: "POST",
        path: path + pickOr("", ["?numeric_text=convert", "?numeric_text=keep", "?numeric_text=no", "?", "?x=1"]),
        headers: {
          "content-type": "application/json",
          ...(key === undefined ? {} : { "x-api-key": key }),
          ...pickOr({}, uploadHeaderSets)
        },
        body: pickOr(usual, bodies(ids))
      })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    for (const status of [200, 201, 202, 400, 401, 403, 404, 415]) expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0])
    expect(direct.counts.direct).toBeGreaterThan(300)
    expect(general.counts.direct).toBe(0)
  })
)

live("every direct endpoint is used directly, and nothing unusual about a request is", () =>
  Effect.gen(function* () {
    const { both, direct, ids } = yield* site()
    const asset = direct.emulator.store.directory.createAsset({ tenantId: direct.tenant.tenantId, name: "Hall", type: "building", now: 1 })
    const headers = { "x-api-key": keyOf("full") }
    const isDirect = (request: Request) =>
      Effect.gen(function* () {
        const before = direct.counts.direct
        const response = yield* both(request)
        return { direct: direct.counts.direct > before, status: response.status, response }
      })
    const declared: Array<{ readonly method: string; readonly path: string }> = []
    HttpApi.reflect(Api, {
      onGroup: () => {},
      onEndpoint: ({ endpoint }) => {
        if (Context.getOrUndefined(endpoint.annotations, DirectRoute) === true) declared.push(endpoint)
      }
    })
    expect(declared.length).toBeGreaterThanOrEqual(11)
    const [points, , , , , , , , , , pointsOfMany] = bodies(ids)
    for (const { method, path } of declared) {
      const isUpload = method === "POST"
      const status = isUpload && path.includes(":") ? 201 : 200
      const found = yield* isDirect({
        method,
        path: path.replace(":device_id", ids[0]!).replace(":asset_id", asset.id),
        headers: { ...headers, "content-type": "application/json" },
        ...(isUpload ? { body: path.includes(":") ? points! : pointsOfMany! } : {})
      })
      expect([path, found.direct, found.status]).toEqual([path, true, status])
    }

    const path = `/api/v1/tb/devices/${ids[0]}/telemetry/latest`
    const etag = (yield* isDirect({ path, headers })).response.headers["etag"]!
    const notModified = yield* isDirect({ path, headers: { ...headers, "if-none-match": etag } })
    expect([notModified.direct, notModified.status, notModified.response.body]).toEqual([true, 304, ""])
    for (const unusual of [
      { path, headers: { ...headers, ...trace } },
      { path: `${path}?key=open`, headers: { "x-api-key": keyOf("meters") } },
      { path: `${path}?key=%6fpen`, headers },
      { method: "HEAD", path, headers },
      { path },
      { method: "POST", path: path.replace("/latest", ""), headers: { ...headers, "idempotency-key": "a" }, body: points! },
      { method: "POST", path: path.replace("/latest", ""), headers: { ...headers, prefer: "wait=5" }, body: points! },
      { method: "POST", path: path.replace("/latest", ""), headers, body: bodies(ids).at(-1)! }
    ])
      expect((yield* isDirect(unusual)).direct).toBe(false)
  })
)

live("failures of ThingsBoard and rate limits get the same responses", () =>
  Effect.gen(function* () {
    const { both, direct, ids } = yield* site({ cacheTtl: Duration.zero })
    const full = { "x-api-key": keyOf("full") }
    const list = { path: "/api/v1/tb/devices?page_size=5", headers: full }
    const get = { path: `/api/v1/tb/devices/${ids[0]}`, headers: full }
    for (const [status, expected] of [
      [500, 502],
      [404, 502],
      [503, 503],
      [400, 502]
    ] as const) {
      direct.emulator.faults.inject({
        path: "/api/tenant/devices",
        times: 2,
        outcome: { type: "Status", status, headers: { "retry-after": "60" } }
      })
      expect([status, (yield* both(list)).status]).toEqual([status, expected])
    }
    const upload = {
      method: "POST",
      path: `/api/v1/tb/devices/${ids[0]}/telemetry`,
      headers: { ...full, "content-type": "application/json" },
      body: bodies(ids)[0]!
    }
    for (const [status, expected] of [
      [500, 502],
      [404, 404],
      [400, 400]
    ] as const) {
      direct.emulator.faults.inject({ path: "/api/plugins/telemetry/*", times: 2, outcome: { type: "Status", status } })
      expect([status, (yield* both(upload)).status]).toEqual([status, expected])
    }
    const writer = { ...upload, headers: { ...upload.headers, "x-api-key": keyOf("writer") }, body: upload.body + " ".repeat(1100) }
    expect([(yield* both(writer)).status, (yield* both(writer)).status]).toEqual([201, 429])
    direct.emulator.faults.inject({ path: "/api/device/*", times: 2, outcome: { type: "Status", status: 403 } })
    expect((yield* both(get)).status).toBe(404)
    const limited = { ...list, headers: { "x-api-key": keyOf("limited") } }
    const statuses = []
    for (let i = 0; i < 5; i++) statuses.push((yield* both(limited)).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
    const heavy = { path: "/api/v1/tb/devices?page_size=30", headers: { "x-api-key": keyOf("heavy") } }
    expect([(yield* both(heavy)).status, (yield* both(heavy)).status]).toEqual([200, 429])
  })
)
