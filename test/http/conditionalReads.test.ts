/** Entity tags, 304, Age, Cache-Control and Vary of reads, as HTTP describes them. */
import { expect } from "bun:test"
import { Duration, Effect } from "effect"
import { conditionalOperations } from "../../src/api/openapi/headers.ts"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { makeSteppingClock } from "../support/steppingClock.ts"

const tb = "/api/v1/tb"

const site = Effect.fnUntraced(function* (options: Parameters<typeof gateway>[0] = {}) {
  const scopes = ["devices:read", "assets:read", "telemetry:read", "attributes:read"] as const
  const apiKeysFile = yield* writeKeyFile({
    plain: { scopes },
    meters: { scopes, devices: { types: ["meter"] } },
    withCredentials: { scopes: [...scopes, "credentials:read"] }
  })
  const it = yield* gateway({ ...options, settings: { apiKeysFile, ...options.settings } })
  const { directory, telemetry } = it.emulator.store
  const { tenantId } = it.tenant
  const device = directory.createDevice({ tenantId, name: "Meter", type: "meter", now: 1 })
  directory.createDevice({ tenantId, name: "Sensor", type: "sensor", now: 2 })
  const asset = directory.createAsset({ tenantId, name: "Room", type: "room", now: 3 })
  telemetry.save(device, [{ key: "v", ts: 1000, value: 1n }])
  const paths = [
    "devices",
    `devices/${device.id}`,
    "device-types",
    "assets",
    `assets/${asset.id}`,
    "asset-types",
    `devices/${device.id}/keys`,
    `devices/${device.id}/telemetry/latest`,
    `devices/${device.id}/attributes`
  ]
  const ask = (path: string, headers: Record<string, string> = {}, method = "GET", key = "plain") =>
    it.call(`${tb}/${path}`, { key: keyOf(key), method, headers })
  return { ...it, ask, device, paths, add: (name: string) => directory.createDevice({ tenantId, name, type: "meter", now: 9 }) }
})

live("the same data has the same weak tag whenever it is read, and gets 304 without a body", () =>
  Effect.gen(function* () {
    const { ask, paths } = yield* site()
    expect(paths.length).toBe(conditionalOperations.size)
    for (const path of paths) {
      const { headers, json, status } = yield* ask(path)
      const etag = headers.get("etag")!
      expect([path, status]).toEqual([path, 200])
      expect(etag).toMatch(/^W\/"[a-z0-9.]+"$/)
      expect([headers.get("cache-control"), headers.get("vary"), headers.get("age")]).toEqual(["private, no-cache", "X-API-Key", null])
      const again = yield* ask(path)
      expect([path, again.headers.get("etag")]).toEqual([path, etag])
      expect(again.json.timestamp).toBeGreaterThanOrEqual(json.timestamp)
      for (const given of [etag, etag.slice(2), "*", ` "x", ${etag} ,W/"y"`]) {
        const same = yield* ask(path, { "if-none-match": given })
        expect([path, given, same.status, same.text, same.headers.get("etag"), same.headers.get("content-type")]).toEqual([
          path,
          given,
          304,
          "",
          etag,
          null
        ])
        expect([same.headers.get("cache-control"), same.headers.get("vary")]).toEqual(["private, no-cache", "X-API-Key"])
        expect(same.headers.get("x-ratelimit-remaining")).not.toBeNull()
      }
      for (const given of ['W/"x"', '""', "x", "", `${etag}x`]) expect((yield* ask(path, { "if-none-match": given })).status).toBe(200)
    }
  })
)

live("other data has another tag, for another page, after a change, and for a key that sees less", () =>
  Effect.gen(function* () {
    const { add, ask, device, emulator } = yield* site()
    const etagOf = (path: string, key = "plain") => Effect.map(ask(path, {}, "GET", key), ({ headers }) => headers.get("etag")!)
    const list = yield* etagOf("devices")
    const tags = [list, yield* etagOf("devices?page_size=1"), yield* etagOf("devices", "meters")]
    add("New")
    tags.push(yield* etagOf("devices"))
    expect((yield* ask("devices", { "if-none-match": list })).status).toBe(200)
    const latest = `devices/${device.id}/telemetry/latest`
    tags.push(yield* etagOf(latest))
    emulator.store.telemetry.save(device, [{ key: "v", ts: 2000, value: 1n }])
    tags.push(yield* etagOf(latest))
    expect(new Set(tags).size).toBe(tags.length)
  })
)

live("HEAD has the headers of GET, and no body", () =>
  Effect.gen(function* () {
    const { ask, paths } = yield* site()
    const compared = ["etag", "cache-control", "vary", "content-type", "content-length", "age"]
    for (const path of paths) {
      const [get, head] = [yield* ask(path), yield* ask(path, {}, "HEAD")]
      expect([head.status, head.text]).toEqual([200, ""])
      expect(compared.map((name) => head.headers.get(name))).toEqual(compared.map((name) => get.headers.get(name)))
      const same = yield* ask(path, { "if-none-match": get.headers.get("etag")! }, "HEAD")
      expect([same.status, same.headers.get("etag")]).toEqual([304, get.headers.get("etag")])
    }
  })
)

live("Age says how old cached data is, in full seconds", () => {
  const { clock, pass } = makeSteppingClock()
  return Effect.gen(function* () {
    const { ask, paths } = yield* site({ clock, settings: { cacheTtl: Duration.minutes(1), cacheTtlLatest: Duration.minutes(1) } })
    for (const path of paths) {
      const first = yield* ask(path)
      expect([path, first.headers.get("age")]).toEqual([path, null])
      pass(3900)
      const cached = yield* ask(path)
      expect([path, cached.headers.get("age"), cached.headers.get("etag")]).toEqual([path, "3", first.headers.get("etag")])
      expect((yield* ask(path, { "if-none-match": first.headers.get("etag")! })).headers.get("age")).toBe("3")
      expect((yield* ask(path, { "cache-control": "no-cache" })).headers.get("age")).toBeNull()
      expect((yield* ask(path)).headers.get("age")).toBe("0")
    }
  })
})

live("responses that must not be kept say so: errors, files, and entities with credentials", () =>
  Effect.gen(function* () {
    const { ask, device } = yield* site()
    const range = "start_ts=0&end_ts=2000"
    for (const [path, key, status] of [
      ["devices/784f394c-42b6-435a-983c-000000000999", "plain", 404],
      ["devices?page_size=0", "plain", 400],
      [`devices/${device.id}/telemetry?${range}`, "plain", 200],
      [`devices/${device.id}/telemetry/export?${range}`, "plain", 200],
      ["devices", "withCredentials", 200]
    ] as const) {
      const { headers, status: found } = yield* ask(path, { "if-none-match": "*" }, "GET", key)
      const isList = path === "devices"
      expect([path, found]).toEqual([path, isList ? 304 : status])
      expect([path, headers.get("cache-control"), headers.has("etag")]).toEqual([path, "no-store", isList])
    }
  })
)

live("Vary keeps Origin where web pages may call the API", () =>
  Effect.gen(function* () {
    const { ask } = yield* site({ settings: { backendCorsOrigins: ["https://app.example.com"] } })
    const { headers } = yield* ask("devices", { origin: "https://app.example.com" })
    expect(headers.get("vary")).toBe("Origin, X-API-Key")
    expect(headers.get("access-control-expose-headers")).toContain("ETag")
  })
)
