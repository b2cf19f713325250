/** Every error has the same format, and none reveals anything internal. */
import { describe, expect, test } from "bun:test"
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import { exampleBody, problemGuide } from "../../src/api/ProblemGuide.ts"
import { DeviceNotFound } from "../../src/api/Problems.ts"
import { DeviceId } from "../../src/domain/Ids.ts"
import { live } from "../support/effectTest.ts"
import { type TestResponse, canaries, gateway } from "../support/gateway.ts"

const id = "00000000-0000-4000-8000-000000000001"
const tb = "/api/v1/tb"

const shaped = (answer: TestResponse, status: number, code: string) => {
  expect(answer.status).toBe(status)
  expect(answer.headers.get("content-type")).toBe("application/problem+json")
  const { json } = answer
  expect(json).toMatchObject({ status, error_code: code, message: json.detail, instance: answer.headers.get("x-request-id") })
  expect(json.type).toMatch(/^\/errors\/[a-z-]+$/)
  expect(json.title.length).toBeGreaterThan(3)
  expect(json.detail.length).toBeGreaterThan(10)
  expect(json.timestamp).toBeGreaterThan(1_600_000_000_000)
  expect(typeof json.details).toBe("object")
  expect(answer.text).not.toMatch(/\bat .*\.ts:\d+|127\.0\.0\.1|ThingsboardErrorResponse|canary/)
}

interface Failing {
  readonly what: string
  readonly path: string
  readonly call?: {
    readonly method?: string
    readonly body?: unknown
    readonly headers?: Record<string, string>
    readonly key?: string | null
  }
  readonly status: number
  readonly code: string
}

const table: ReadonlyArray<Failing> = [
  { what: "no key", path: `${tb}/devices`, call: { key: null }, status: 401, code: "AUTHENTICATION_FAILED" },
  { what: "a wrong key", path: `${tb}/devices`, call: { key: "wrong" }, status: 401, code: "AUTHENTICATION_FAILED" },
  { what: "a path that is not there", path: "/nothing/here", status: 404, code: "RESOURCE_NOT_FOUND" },
  { what: "a path that is not there, below the base", path: `${tb}/gadgets`, status: 404, code: "RESOURCE_NOT_FOUND" },
  { what: "a method that is not taken", path: `${tb}/devices`, call: { method: "DELETE" }, status: 405, code: "METHOD_NOT_ALLOWED" },
  { what: "a device that is not there", path: `${tb}/devices/${id}`, status: 404, code: "RESOURCE_NOT_FOUND" },
  { what: "keys of no device", path: `${tb}/devices/${id}/keys`, status: 404, code: "RESOURCE_NOT_FOUND" },
  { what: "latest of no device", path: `${tb}/devices/${id}/telemetry/latest`, status: 404, code: "RESOURCE_NOT_FOUND" },
  { what: "history of no device", path: `${tb}/devices/${id}/telemetry?start_ts=0&end_ts=1`, status: 404, code: "RESOURCE_NOT_FOUND" },
  {
    what: "a query of no device",
    path: `${tb}/devices/${id}/telemetry/query`,
    call: { body: { keys: ["a"] } },
    status: 404,
    code: "RESOURCE_NOT_FOUND"
  },
  {
    what: "an upload to no device",
    path: `${tb}/devices/${id}/telemetry`,
    call: { body: { a: [{ ts: 1, value: 1 }] } },
    status: 404,
    code: "RESOURCE_NOT_FOUND"
  },
  { what: "attributes of no device", path: `${tb}/devices/${id}/attributes`, status: 404, code: "RESOURCE_NOT_FOUND" },
  {
    what: "attributes for no device",
    path: `${tb}/devices/${id}/attributes/shared`,
    call: { body: { a: 1 } },
    status: 404,
    code: "RESOURCE_NOT_FOUND"
  },
  { what: "an asset that is not there", path: `${tb}/assets/${id}`, status: 404, code: "RESOURCE_NOT_FOUND" },
  { what: "a graph around nothing", path: `${tb}/graph/${id}`, status: 404, code: "RESOURCE_NOT_FOUND" },
  { what: "an id that is none", path: `${tb}/devices/not-a-uuid`, status: 400, code: "VALIDATION_ERROR" },
  { what: "a parameter that does not exist", path: `${tb}/devices?pagesize=3`, status: 400, code: "VALIDATION_ERROR" },
  { what: "a parameter twice", path: `${tb}/devices?page=1&page=2`, status: 400, code: "VALIDATION_ERROR" },
  {
    what: "broken JSON",
    path: `${tb}/devices/${id}/telemetry/query`,
    call: { body: '{"keys":["a"' },
    status: 400,
    code: "VALIDATION_ERROR"
  },
  {
    what: "broken JSON in an upload",
    path: `${tb}/devices/${id}/telemetry`,
    call: { body: '{"a":[{' },
    status: 400,
    code: "VALIDATION_ERROR"
  },
  {
    what: "a body of a type that is not taken",
    path: `${tb}/devices/${id}/telemetry`,
    call: { body: "<a/>", headers: { "content-type": "application/xml" } },
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE"
  },
  {
    what: "a query of a type that is not taken",
    path: `${tb}/devices/${id}/telemetry/query`,
    call: { body: "<a/>", headers: { "content-type": "application/xml" } },
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE"
  }
]

describe("the format of a problem", () => {
  live("is the same for every error of a caller", () =>
    Effect.gen(function* () {
      const { call, logs } = yield* gateway()
      for (const { call: how, code, path, status, what } of table) {
        const answer = yield* call(path, how)
        try {
          shaped(answer, status, code)
        } catch (error) {
          throw new Error(`${what}: ${answer.status} ${answer.text}`, { cause: error })
        }
      }
      expect(logs.join("\n")).not.toContain(canaries.password)
      expect(logs.join("\n")).not.toContain(canaries.apiKey)
    })
  )

  live("a body that is too large is rejected by its declared length, or else by counting its bytes", () =>
    Effect.gen(function* () {
      const { call, emulator, tenant, url } = yield* gateway({ settings: { maxBodySize: 1000 } })
      // A body of unknown length is read only if the device exists.
      emulator.store.directory.createDevice({ id, tenantId: tenant.tenantId, name: "One", now: 1 })
      const body = JSON.stringify({ keys: ["a".repeat(2000)] })
      shaped(yield* call(`${tb}/devices/${id}/telemetry/query`, { body }), 413, "PAYLOAD_TOO_LARGE")
      shaped(yield* call(`${tb}/devices/${id}/telemetry`, { body }), 413, "PAYLOAD_TOO_LARGE")
      const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(500)) })
      const response = yield* Effect.promise(() =>
        fetch(`${url}${tb}/devices/${id}/telemetry`, {
          method: "POST",
          body: endless,
          headers: { "x-api-key": canaries.apiKey, "content-type": "application/json" }
        })
      )
      expect(response.status).toBe(413)
    })
  )

  live("all errors of a request are listed together, in its path, query and body", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway()
      const answer = yield* call(`${tb}/devices/nope/telemetry/query?verbose=1`, {
        body: { keys: [], limit: 5000, order: "UP", extra: true }
      })
      shaped(answer, 400, "VALIDATION_ERROR")
      const fields = answer.json.details.errors.map(({ field }: { field: string }) => field)
      for (const field of ["path.device_id", "query.verbose", "body.keys", "body.limit", "body.order", "body.extra"])
        expect(fields).toContain(field)
    })
  )

  live("405 lists the supported methods, also in Allow", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway()
      const answer = yield* call(`${tb}/devices/${id}/telemetry`, { method: "PUT", body: {} })
      expect(answer.headers.get("allow")).toBe("GET, POST, HEAD, OPTIONS")
      expect(answer.json.details.allow).toEqual(["GET", "POST", "HEAD", "OPTIONS"])
      const options = yield* call(`${tb}/devices`, { method: "OPTIONS" })
      expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"])
    })
  )

  live("a password that ThingsBoard rejects gives 503 without ThingsBoard's text", () =>
    Effect.gen(function* () {
      const { call, logs } = yield* gateway({
        settings: { tbCredentials: { _tag: "Password", username: canaries.username, password: Redacted.make(canaries.wrongPassword) } }
      })
      const answer = yield* call(`${tb}/devices`)
      shaped(answer, 503, "UPSTREAM_UNAVAILABLE")
      expect(answer.headers.get("retry-after")).not.toBeNull()
      expect(answer.text).not.toContain("Invalid username")
      expect(logs.join("\n")).toContain("ThingsBoard HTTP error")
      expect(logs.join("\n")).not.toContain(canaries.wrongPassword)
      expect((yield* call("/ready")).status).toBe(503)
      expect((yield* call("/health")).status).toBe(200)
    })
  )

  live("an exceeded rate limit gives 429 with the proxy's fields and the standard headers", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway({ settings: { rateLimit: { requests: 3, window: Duration.minutes(1) } } })
      const answers = []
      for (let i = 0; i < 4; i++) answers.push(yield* call(`${tb}/devices`))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429])
      const last = answers[3]!
      shaped(last, 429, "RATE_LIMIT_EXCEEDED")
      expect(last.json.error).toBe("Rate limit exceeded")
      expect(last.headers.get("retry-after")).toBe(String(last.json.retry_after))
      expect(last.headers.get("x-ratelimit-remaining")).toBe("0")
      expect(answers[0]!.headers.get("x-ratelimit-limit")).toBe("3")
      expect(answers[0]!.headers.get("ratelimit-policy")).toBe('"default";q=3;w=60')
    })
  )
})

describe("the type of a problem", () => {
  live("is the path of a page that the gateway serves, also without the documentation", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway({ settings: { docsEnabled: false } })
      const { json } = yield* call(`${tb}/devices/${id}`)
      expect(json.type).toBe("/errors/device-not-found")
      const page = yield* call(json.type, { key: null })
      expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"])
      expect(page.text).toContain("Device not found")
    })
  )

  live("is a URL if PUBLIC_URL is set, in problems of endpoints, middlewares and unknown paths", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway({ settings: { publicUrl: "https://api.example.com/iot" } })
      for (const { call: how, path, what } of table) {
        const { json } = yield* call(path, how)
        expect(`${what}: ${json.type}`).toMatch(/: https:\/\/api\.example\.com\/iot\/errors\/[a-z-]+$/)
      }
    })
  )

  for (const publicUrl of [undefined, "https://api.example.com/iot"])
    live(`is a constant in the typed client: ${publicUrl}`, () =>
      Effect.gen(function* () {
        const { client } = yield* gateway({ settings: { publicUrl } })
        const problem = yield* Effect.flip(client.devices.get({ params: { device_id: DeviceId.make(id) } }))
        expect(problem._tag).toBe("DeviceNotFound")
        expect(problem).toMatchObject({ type: "/errors/device-not-found", status: 404, details: { device_id: id } })
      })
    )

  test("keeps a problem of another kind apart", () => {
    const encoded = { ...exampleBody(problemGuide["device-not-found"]), type: "/errors/asset-not-found" }
    expect(Option.isNone(Schema.decodeUnknownOption(DeviceNotFound)(encoded))).toBe(true)
  })
})

test("the table covers every problem that a caller can cause", () => {
  const codes = new Set(table.map(({ code }) => code))
  for (const code of ["VALIDATION_ERROR", "AUTHENTICATION_FAILED", "RESOURCE_NOT_FOUND", "METHOD_NOT_ALLOWED", "UNSUPPORTED_MEDIA_TYPE"]) {
    expect(codes.has(code)).toBe(true)
  }
})
