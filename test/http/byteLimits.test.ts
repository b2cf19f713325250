/** Limits on the bytes that a key reads and writes per window: counted as they are sent and received, alone or over Redis. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Redacted, Schedule } from "effect"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { live } from "../support/effectTest.ts"
import { canaries, gateway, type TestResponse } from "../support/gateway.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { hasRedis, redisServer } from "../support/redis.ts"

const t0 = 1_700_000_000_000
const KiB = 1024
const tb = "/api/v1/tb"
/** Long enough that nothing is refilled during a test. */
const window = Duration.hours(100)

const open = Effect.fnUntraced(function* (settings: Partial<SettingsShape>) {
  const it = yield* gateway({ settings: { rateLimit: { requests: 1_000_000, window }, ...settings } })
  const device = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", type: "meter", now: 0 })
  it.emulator.store.telemetry.loadBulk(
    device,
    "a",
    Array.from({ length: 2000 }, (_, i) => ({ ts: t0 + i, value: "x".repeat(80) }))
  )
  const path = `${tb}/devices/${device.id}/telemetry`
  return {
    ...it,
    path,
    exportPath: `${path}?start_ts=${t0}&end_ts=${t0 + 2000}&format=csv`,
    upload: (key?: string, bytes = 100) =>
      it.call(path, { method: "POST", body: `{"b":[{"ts":${t0},"value":1}]}`.padEnd(bytes), ...(key === undefined ? {} : { key }) })
  }
})

const remaining = ({ headers }: TestResponse, name: string): number =>
  Number(new RegExp(`"${name}";r=(\\d+)`).exec(headers.get("ratelimit") ?? "")?.[1] ?? Number.NaN)

const statusOf = (call: Effect.Effect<TestResponse>) => Effect.map(call, ({ status }) => status)
const untilStatus = (call: Effect.Effect<TestResponse>, expected: number) =>
  call.pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: ({ status }) => status === expected, times: 250 }),
    Effect.map(({ status }) => expect(status).toBe(expected))
  )

describe("bytes that a key reads", () => {
  live("are counted with every byte of a response; beyond the limit, requests that read get 429 and requests that write do not", () =>
    Effect.gen(function* () {
      const { call, exportPath, path, records, upload } = yield* open({ rateLimitReadBytes: 500 * KiB })
      const first = yield* call(exportPath)
      expect([first.status, remaining(first, "read_bytes")]).toEqual([200, 500 * KiB])
      expect(first.headers.get("ratelimit")).toMatch(/^"default";r=\d+;t=\d+, "read_bytes";r=512000;t=0$/)
      expect(first.headers.get("ratelimit-policy")).toBe('"default";q=1000000;w=360000, "read_bytes";q=512000;qu="content-bytes";w=360000')
      const second = yield* call(`${path}/latest`)
      const exported = Math.ceil(first.text.length / KiB) * KiB
      expect(remaining(second, "read_bytes")).toBe(500 * KiB - exported)
      // The response that crosses the limit is complete. What is missing has to be refilled, too.
      let used = exported + KiB
      while (used < 500 * KiB) {
        expect((yield* call(exportPath)).text.length).toBe(first.text.length)
        used += exported
      }
      const beyond = yield* call(`${path}/latest`)
      expect([beyond.status, beyond.json.error_code, remaining(beyond, "read_bytes")]).toEqual([429, "RATE_LIMIT_EXCEEDED", 0])
      const wait = Number(beyond.headers.get("retry-after"))
      const missing = (used - 500 * KiB) / KiB
      expect(wait).toBeGreaterThanOrEqual(Math.floor((missing * 360_000) / 500))
      expect(wait).toBeLessThanOrEqual(Math.ceil(((missing + 1) * 360_000) / 500))
      expect(beyond.json.detail).toContain("read too many bytes")
      expect(records.find(({ message }) => message === "Rate limit exceeded")).toMatchObject({ reason: "read_bytes", key_id: "default" })
      expect(yield* statusOf(upload())).toBe(201)
      expect(yield* statusOf(call("/health", { key: null }))).toBe(200)
    })
  )

  live("are counted as far as they were sent when the client disconnects", () =>
    Effect.gen(function* () {
      const { call, emulator, path, tenant, url } = yield* open({ rateLimitReadBytes: 8 * 1024 * KiB })
      const device = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name: "Large", type: "meter", now: 0 })
      emulator.store.telemetry.loadBulk(
        device,
        "a",
        Array.from({ length: 200_000 }, (_, i) => ({ ts: t0 + i, value: "x".repeat(200) }))
      )
      const controller = new AbortController()
      yield* Effect.promise(async () => {
        const response = await fetch(`${url}${tb}/devices/${device.id}/telemetry?start_ts=${t0}&end_ts=${t0 + 200_000}&format=csv`, {
          headers: { "x-api-key": canaries.apiKey, "accept-encoding": "identity" },
          signal: controller.signal
        })
        const reader = response.body!.getReader()
        for (let read = 0; read < 12 * 1024 * KiB;) read += (await reader.read()).value!.length
        controller.abort()
      })
      yield* untilStatus(call(`${path}/latest`), 429)
    })
  )
})

describe("bytes that a key writes", () => {
  live("are counted with every byte of a body; beyond the limit, requests that write get 429 and requests that read do not", () =>
    Effect.gen(function* () {
      const { call, path, upload } = yield* open({ rateLimitWriteBytes: 100 * KiB })
      const first = yield* upload()
      expect([first.status, remaining(first, "write_bytes")]).toEqual([201, 100 * KiB])
      const second = yield* upload(undefined, 50 * KiB)
      expect([second.status, remaining(second, "write_bytes")]).toEqual([201, 99 * KiB])
      const csv = `ts,key,value\n${Array.from({ length: 4000 }, (_, i) => `${t0 + i},c,1\n`).join("")}`
      const imported = yield* call(`${path}/import`, { method: "POST", body: csv, headers: { "content-type": "text/csv" } })
      expect([imported.status, remaining(imported, "write_bytes")]).toEqual([200, 49 * KiB])
      const beyond = yield* upload()
      expect([beyond.status, beyond.json.error_code]).toEqual([429, "RATE_LIMIT_EXCEEDED"])
      expect(beyond.json.detail).toContain("written too many bytes")
      expect(yield* statusOf(call(`${path}/latest`))).toBe(200)
    })
  )

  live("count for an invalid body as well", () =>
    Effect.gen(function* () {
      const { call, path, upload } = yield* open({ rateLimitWriteBytes: 100 * KiB })
      expect(yield* statusOf(call(path, { method: "POST", body: "oops".padEnd(101 * KiB) }))).toBe(400)
      expect(yield* statusOf(upload())).toBe(429)
    })
  )
})

live("a key has the limits of its entry, and otherwise those of the settings", () =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile({
      own: { rate_limit: { requests: 1_000_000, window_seconds: 360_000, read_bytes: 2048, write_bytes: 50 * KiB } },
      common: { rate_limit: { requests: 1_000_000, window_seconds: 360_000 } }
    })
    const { call, exportPath, upload } = yield* open({ apiKeysFile, rateLimitReadBytes: 10 * 1024 * KiB })
    const [own, common] = [keyOf("own"), keyOf("common")]
    expect(remaining(yield* call(exportPath, { key: own }), "read_bytes")).toBe(2048)
    expect(yield* statusOf(call(exportPath, { key: own }))).toBe(429)
    expect(remaining(yield* upload(own), "write_bytes")).toBe(50 * KiB)
    expect(remaining(yield* call(exportPath, { key: common }), "read_bytes")).toBe(10 * 1024 * KiB)
    expect(yield* statusOf(call(exportPath, { key: common }))).toBe(200)
    expect((yield* upload(common)).headers.get("ratelimit")).not.toContain("bytes")
  })
)

live("without limits on bytes, no header mentions them", () =>
  Effect.gen(function* () {
    const { call, path } = yield* open({})
    const { headers } = yield* call(`${path}/latest`)
    expect([headers.get("ratelimit"), headers.get("ratelimit-policy")].join()).not.toContain("bytes")
  })
)

live("a refilled bucket lets requests through again", () =>
  Effect.gen(function* () {
    const { call, exportPath, path } = yield* open({
      rateLimitReadBytes: 400 * KiB,
      rateLimit: { requests: 1_000_000, window: Duration.seconds(2) }
    })
    for (let i = 0; i < 3; i++) yield* call(exportPath)
    expect(yield* statusOf(call(`${path}/latest`))).toBe(429)
    yield* untilStatus(call(`${path}/latest`), 200)
  })
)

describe.skipIf(!hasRedis)("gateways on one Redis", () => {
  live(
    "share the bytes, also those beyond the limit",
    () =>
      Effect.gen(function* () {
        const redis = yield* redisServer
        yield* redis.start
        const settings = { redisUrl: Redacted.make(redis.url), rateLimitReadBytes: 300 * KiB }
        const [one, two] = [yield* open(settings), yield* open(settings)]
        const first = yield* one.call(one.exportPath)
        expect(remaining(first, "read_bytes")).toBe(300 * KiB)
        const left = 300 * KiB - Math.ceil(first.text.length / KiB) * KiB
        expect(remaining(yield* two.call(two.exportPath), "read_bytes")).toBe(left)
        for (const { call, path } of [one, two]) expect(yield* statusOf(call(`${path}/latest`))).toBe(429)
      }),
    120_000
  )
})
