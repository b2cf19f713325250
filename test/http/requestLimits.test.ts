/** Each limit of a request: what is just within it is accepted, what exceeds it is rejected with a problem. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Fiber } from "effect"
import { type TestResponse, canaries, gateway } from "../support/gateway.ts"
import { cpuMillisOf } from "../support/cpuTime.ts"
import { live } from "../support/effectTest.ts"
import { parseResponses, sendRaw } from "../support/rawHttp.ts"

const tb = "/api/v1/tb"
const id = "00000000-0000-4000-8000-000000000001"
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`

const refused = (answer: TestResponse, status: number, code: string, words: string) => {
  expect([answer.status, answer.json?.error_code]).toEqual([status, code])
  expect(answer.headers.get("content-type")).toBe("application/problem+json")
  expect(answer.text).toContain(words)
}

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth)

/** The head of a raw request. */
const head = (path: string, headers: Record<string, string>, method = "POST") =>
  [
    `${method} ${path} HTTP/1.1`,
    "Host: gateway",
    `X-API-Key: ${canaries.apiKey}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "\r\n"
  ].join("\r\n")

describe("the head of a request", () => {
  live("has limits for its path and query, and for its headers", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway({ settings: { maxUrlLength: 500, maxHeaderSize: 1000 } })
      const path = `${tb}/devices?text_search=`
      const search = (length: number) => path + "a".repeat(length - path.length)
      expect((yield* call(search(250))).status).toBe(200)
      expect((yield* call(search(500))).status).toBe(400) // too long for a text_search, but within the limit of the URL
      refused(yield* call(search(501)), 414, "PAYLOAD_TOO_LARGE", "MAX_URL_LENGTH")
      expect((yield* call("/health", { headers: { "x-much": "a".repeat(600) } })).status).toBe(200)
      refused(yield* call("/health", { headers: { "x-much": "a".repeat(1000) } }), 431, "PAYLOAD_TOO_LARGE", "MAX_HEADER_SIZE")
    })
  )

  live("gets the reason up to twice both limits together, and is not read beyond that", () =>
    Effect.gen(function* () {
      const { call, url } = yield* gateway()
      const search = (length: number) => `${tb}/devices?text_search=${"a".repeat(length)}`
      refused(yield* call(search(30_000)), 414, "PAYLOAD_TOO_LARGE", "MAX_URL_LENGTH")
      refused(yield* call("/health", { headers: { "x-much": "a".repeat(30_000) } }), 431, "PAYLOAD_TOO_LARGE", "MAX_HEADER_SIZE")
      const { closed, text } = yield* sendRaw(url, head("/health", { "X-Much": "a".repeat(300_000) }, "GET"), { wait: 2000 })
      expect([closed, parseResponses(text).map(({ status }) => status)]).toEqual([true, [431]])
    })
  )

  live("may be as large as the settings allow, with more keys than ThingsBoard's own server accepts in a path", () =>
    Effect.gen(function* () {
      const it = yield* gateway({ settings: { maxUrlLength: 60_000, maxHeaderSize: 50_000 } })
      const { directory, telemetry } = it.emulator.store
      const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "One", now: 1 })
      const keys = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(100, "k"))
      telemetry.save(
        device,
        keys.map((key) => ({ key, ts: 1_700_000_000_000, value: 1n }))
      )
      const headers = { "x-much": "a".repeat(40_000) }
      // The second time the gateway knows all keys, and could list them in its own request.
      for (let time = 0; time < 2; time++) {
        const latest = yield* it.call(`${tb}/devices/${device.id}/telemetry/latest?keys=${keys.join(",")}`, { headers })
        expect([latest.status, Object.keys(latest.json.data).length]).toEqual([200, 500])
      }
      const attributes = yield* it.call(`${tb}/devices/${device.id}/attributes?keys=${keys.join(",")}`, { headers })
      expect([attributes.status, attributes.json.data]).toEqual([200, { server: {}, shared: {}, client: {} }])
    })
  )

  live(
    "must arrive within 12 seconds, even if bytes keep arriving",
    () =>
      Effect.gen(function* () {
        const { url } = yield* gateway()
        const drip = ["GET /health HTTP/1.1\r\nHost: gateway\r\nX-Slow: ", ..."a".repeat(30)]
        const { closed, millis } = yield* sendRaw(url, drip, { gap: 1000, wait: 25_000 })
        expect(closed).toBe(true)
        expect(millis).toBeLessThan(20_000)
      }),
    120_000
  )
})

describe("a large body", () => {
  live("is not read before its device was found", () =>
    Effect.gen(function* () {
      const { url } = yield* gateway()
      for (const path of [`${tb}/devices/${id}/telemetry`, `${tb}/devices/${id}/attributes/server`]) {
        // Only the head is sent, and no byte of the body.
        for (const length of [{ "Content-Length": "5000000" }, { "Transfer-Encoding": "chunked" }]) {
          const { text } = yield* sendRaw(url, head(path, { "Content-Type": "application/json", ...length }), {
            responses: 1,
            wait: 10_000
          })
          expect(parseResponses(text).map(({ status }) => status)).toEqual([404])
        }
      }
    })
  )

  live("may begin with a byte order mark, and must be UTF-8", () =>
    Effect.gen(function* () {
      const { call, emulator, tenant } = yield* gateway()
      emulator.store.directory.createDevice({ id, tenantId: tenant.tenantId, name: "One", now: 1 })
      const points = Array.from({ length: 5000 }, (_, i) => `{"ts":${1_700_000_000_000 + i},"value":1}`)
      const body = Buffer.from(`\uFEFF{"k":[${points.join(",")}]}`)
      expect((yield* call(`${tb}/devices/${id}/telemetry`, { body })).status).toBe(201)
      refused(
        yield* call(`${tb}/devices/${id}/telemetry`, { body: Buffer.concat([body, Buffer.from([0xff])]) }),
        400,
        "VALIDATION_ERROR",
        "UTF-8"
      )
    })
  )
})

describe("JSON", () => {
  live("is limited whether its media type is given, in upper case, or missing", () =>
    Effect.gen(function* () {
      const { url } = yield* gateway({ settings: { maxJsonDepth: 10, bodyTimeout: Duration.millis(400) } })
      const types = [{ "Content-Type": "application/json" }, { "Content-Type": "APPLICATION/JSON ; charset=utf-8" }, {}]
      for (const type of types) {
        const send = (body: string, length = body.length) =>
          Effect.map(
            sendRaw(url, head(`${tb}/telemetry/latest`, { ...type, "Content-Length": String(length), Connection: "close" }) + body, {
              wait: 3000
            }),
            ({ text }) => parseResponses(text)[0]!
          )
        const deep = yield* send(`{"keys":${nested(10)}}`)
        expect([type, deep.status, deep.body.includes("MAX_JSON_DEPTH")]).toEqual([type, 400, true])
        const slow = yield* send('{"keys"', 500)
        expect([type, slow.status]).toEqual([type, 408])
        const faulty = yield* send('{"keys":[1],"device_type":"x"}')
        expect([type, JSON.parse(faulty.body).details.errors[0].field]).toEqual([type, "body.keys[0]"])
      }
    })
  )

  live("that names a million elements is rejected at once, and long names are truncated", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway({ settings: { maxKeysPerRequest: 100, maxDevicesPerRequest: 100 } })
      const million = 1_000_000
      const paths = ["telemetry/latest", "telemetry/export", `devices/${id}/telemetry/query`].map((path) => `${tb}/${path}`)
      for (const path of paths) {
        for (const body of [
          `{"device_type":"x","keys":[${"1,".repeat(million)}1]}`,
          `{"device_type":"x","keys":[${'"",'.repeat(million)}""]}`,
          `{${Array.from({ length: 200_000 }, (_, i) => `"m${i}":1`).join()}}`,
          `{"keys":${nested(10).repeat(1)},"device_ids":[${"[],".repeat(million)}[]]}`
        ]) {
          const cpuMillis = yield* Effect.promise(() =>
            cpuMillisOf(async () =>
              refused(await Effect.runPromise(call(path, { body })), 400, "VALIDATION_ERROR", "MAX_DEVICES_PER_REQUEST")
            )
          )
          expect(cpuMillis).toBeLessThan(2000)
        }
        const long = yield* call(path, { body: `{"${"x".repeat(1_000_000)}":1}` })
        expect([long.status, long.text.length < 3000]).toEqual([400, true])
      }
      const query = yield* call(`${tb}/devices/${id}??x=1`)
      expect([query.status, query.json.details.errors[0].field]).toEqual([400, "query.x"])
    })
  )

  const places = [
    ["a query", `${tb}/devices/${id}/telemetry/query`],
    ["the latest of many", `${tb}/telemetry/latest`],
    ["an upload", `${tb}/devices/${id}/telemetry`],
    ["an upload of many", `${tb}/telemetry/bulk`],
    ["attributes", `${tb}/devices/${id}/attributes/shared`]
  ] as const
  for (const [what, path] of places)
    live(`of ${what} must not be nested too deeply`, () =>
      Effect.gen(function* () {
        const { call, emulator, tenant } = yield* gateway({ settings: { maxJsonDepth: 10 } })
        // A large body is read only if the device exists.
        emulator.store.directory.createDevice({ id, tenantId: tenant.tenantId, name: "One", now: 1 })
        const answer = yield* call(path, { body: `{"keys":${nested(10)}}` })
        refused(answer, 400, "VALIDATION_ERROR", "Expected JSON of at most 10 levels (MAX_JSON_DEPTH)")
        expect((yield* call(path, { body: `{"keys":${nested(9)}}` })).text).not.toContain("MAX_JSON_DEPTH")
        refused(yield* call(path, { body: "[".repeat(1_000_000) }), 400, "VALIDATION_ERROR", "MAX_JSON_DEPTH")
      })
    )

  live("in rows must not be nested too deeply, or that row is rejected", () =>
    Effect.gen(function* () {
      const it = yield* gateway({ settings: { maxJsonDepth: 10 } })
      const device = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "One", now: 1 })
      const send = (type: string, body: string) =>
        it.call(`${tb}/devices/${device.id}/telemetry/import`, { method: "POST", body, headers: { "content-type": type } })
      const row = (value: string) => `{"ts":1700000000000,"key":"a","value":${value}}`
      const lines = yield* send("application/x-ndjson", [row(nested(9)), row(nested(10)), row("[".repeat(20_000))].join("\n"))
      expect([lines.json.rows_taken, lines.json.rows_refused, lines.json.refused[0].reason]).toEqual([
        1,
        2,
        "expected JSON of at most 10 levels"
      ])
      const cells = yield* send("text/csv", ["ts,key,value", ...[10, 11].map((depth) => `1700000000000,a,"${nested(depth)}"`)].join("\n"))
      expect([cells.json.rows_taken, cells.json.refused[0].reason]).toEqual([1, "a: expected JSON of at most 10 levels"])
    })
  )
})

live("the keys and devices of a request are limited, in its query and in its body", () =>
  Effect.gen(function* () {
    const { call } = yield* gateway({ settings: { maxKeysPerRequest: 3, maxDevicesPerRequest: 2 } })
    const four = ["a", "b", "c", "d"]
    const points = Object.fromEntries(four.map((key) => [key, [{ ts: 1, value: 1 }]]))
    const tooMany: ReadonlyArray<readonly [string, unknown, string]> = [
      [`${tb}/devices/${id}/telemetry/latest?keys=a,b,c,d`, undefined, "query.keys"],
      [`${tb}/devices/${id}/telemetry?start_ts=0&end_ts=1&keys=a,b,c,d`, undefined, "query.keys"],
      [`${tb}/devices/${id}/attributes?keys=a,b,c,d`, undefined, "query.keys"],
      [`${tb}/devices/${id}/telemetry/query`, { keys: four }, "body.keys"],
      [`${tb}/telemetry/latest`, { device_type: "x", keys: four }, "body.keys"],
      [`${tb}/telemetry/latest`, { device_ids: [1, 2, 3].map(uuid), keys: ["a"] }, "body.device_ids"],
      [`${tb}/telemetry/export`, { device_ids: [1, 2, 3].map(uuid), start_ts: 0, end_ts: 1 }, "body.device_ids"],
      [`${tb}/devices/${id}/telemetry`, points, "body"],
      [`${tb}/telemetry/bulk`, { [id]: points }, `body.${id}`],
      [`${tb}/telemetry/bulk`, Object.fromEntries([1, 2, 3].map((n) => [uuid(n), { a: [{ ts: 1, value: 1 }] }])), "body"],
      [`${tb}/devices/${id}/attributes/shared`, { a: 1, b: 2, c: 3, d: 4 }, "body"]
    ]
    for (const [path, body, field] of tooMany) {
      const answer = yield* call(path, body === undefined ? {} : { body })
      refused(answer, 400, "VALIDATION_ERROR", "_PER_REQUEST")
      expect([path, answer.json.details.errors[0].field]).toEqual([path, field])
    }
    expect((yield* call(`${tb}/telemetry/latest`, { body: { device_ids: [1, 2].map(uuid), keys: ["a", "b", "c"] } })).status).toBe(200)
    expect((yield* call(`${tb}/devices/${id}/telemetry/latest?keys=a,b,c`)).status).toBe(404)
  })
)

live("errors of the declared schemas are reported before the limits on keys and devices", () =>
  Effect.gen(function* () {
    const { call } = yield* gateway({ settings: { maxKeysPerRequest: 3, maxDevicesPerRequest: 2 } })
    const four = ["a", "b", "c", "d"]
    const cases: ReadonlyArray<readonly [path: string, body: unknown, fields: ReadonlyArray<string>]> = [
      [`${tb}/devices/${id}/telemetry/latest?keys=a,b&keys=c,d`, undefined, ["query.keys"]],
      [`${tb}/devices/nothing/telemetry/latest?keys=a,b,c,d`, undefined, ["path.device_id"]],
      [`${tb}/devices/${id}/attributes?keys=a,b,c,d&scope=none`, undefined, ["query.scope"]],
      [`${tb}/telemetry/latest`, { device_ids: [1, 2, 3].map(uuid), keys: four }, ["body.keys", "body.device_ids"]],
      [`${tb}/telemetry/latest`, { device_ids: [1, 2, 3], keys: ["a"] }, [0, 1, 2].map((i) => `body.device_ids[${i}]`)],
      [`${tb}/devices/${id}/telemetry/query`, { keys: four, limit: 0, more: 1 }, ["body.limit", "body.more"]],
      [`${tb}/devices/nothing/telemetry/query`, { keys: four }, ["path.device_id"]]
    ]
    for (const [path, body, fields] of cases) {
      const { json, status } = yield* call(path, body === undefined ? {} : { body })
      const errors: ReadonlyArray<{ readonly field: string }> = json.details.errors
      expect([path, status, errors.map(({ field }) => field).toSorted()]).toEqual([path, 400, fields.toSorted()])
    }
    const listed = yield* call(`${tb}/telemetry/latest`, { body: JSON.stringify(four), headers: { "content-type": "application/json" } })
    expect([listed.status, listed.json.details.errors.map(({ field }: { readonly field: string }) => field)]).toEqual([400, ["body"]])
    const media = yield* call(`${tb}/telemetry/latest`, { body: "keys=a,b,c,d", headers: { "content-type": "text/plain" } })
    expect([media.status, media.json.error_code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"])
  })
)

live("a compressed body is rejected, never read as something else", () =>
  Effect.gen(function* () {
    const { call } = yield* gateway()
    const body = Bun.gzipSync(Buffer.from('{"keys":["a"]}'))
    for (const path of [
      `devices/${id}/telemetry/query`,
      `devices/${id}/telemetry`,
      `devices/${id}/telemetry/import`,
      "telemetry/bulk",
      "telemetry/import"
    ])
      refused(
        yield* call(`${tb}/${path}`, { body, headers: { "content-encoding": "gzip" } }),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "without Content-Encoding"
      )
    const plain = yield* call(`${tb}/devices/${id}/telemetry/query`, { body: { keys: ["a"] }, headers: { "content-encoding": "identity" } })
    expect(plain.status).toBe(404)
  })
)

describe("a slow body", () => {
  const settings = { bodyTimeout: Duration.millis(400) }

  live("that does not arrive in time gets 408, and its connection is closed", () =>
    Effect.gen(function* () {
      const { url } = yield* gateway({ settings })
      for (const path of [`devices/${id}/telemetry/query`, `devices/${id}/telemetry`, `devices/${id}/attributes/shared`]) {
        const sent = head(`${tb}/${path}`, { "Content-Type": "application/json", "Content-Length": "500" })
        const { closed, millis, text } = yield* sendRaw(url, [sent, '{"keys"', ":", "[", '"a"', " ", " ", " ", " ", " "], {
          gap: 100,
          wait: 5000
        })
        const [answer] = parseResponses(text)
        expect([path, closed, answer?.status, answer?.headers["connection"]?.toLowerCase()]).toEqual([path, true, 408, "close"])
        expect(JSON.parse(answer!.body)).toMatchObject({ error_code: "VALIDATION_ERROR", details: { timeout_ms: 400 } })
        expect(answer!.headers["x-content-type-options"]).toBe("nosniff")
        expect(millis).toBeLessThan(4500)
      }
    })
  )

  live("of rows may take any time while data keeps arriving; rows before a timeout are stored", () =>
    Effect.gen(function* () {
      const it = yield* gateway({ settings })
      const device = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "One", now: 1 })
      const path = `${tb}/devices/${device.id}/telemetry/import`
      const sent = head(path, { "Content-Type": "text/csv", "Transfer-Encoding": "chunked", Connection: "close" })
      const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
      const rows = Array.from({ length: 10 }, (_, i) => chunk(`${1_700_000_000_000 + i},a,${i}\n`))
      const steady = yield* sendRaw(it.url, [sent, chunk("ts,key,value\n"), ...rows, "0\r\n\r\n"], { gap: 100, wait: 5000 })
      const [taken] = parseResponses(steady.text)
      expect([taken?.status, JSON.parse(taken!.body).rows_taken]).toEqual([200, 10])

      const { closed, text } = yield* sendRaw(it.url, [sent, chunk("ts,key,value\n"), rows[0]!], { wait: 5000 })
      const [answer] = parseResponses(text)
      expect([closed, answer?.status, JSON.parse(answer!.body).error_code]).toEqual([true, 408, "VALIDATION_ERROR"])
    })
  )

  live("does not delay other requests", () =>
    Effect.gen(function* () {
      const { call, url } = yield* gateway({ settings: { bodyTimeout: Duration.seconds(2) } })
      const sent = head(`${tb}/telemetry/latest`, { "Content-Type": "application/json", "Content-Length": "500" })
      const slow = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 50 }, () => sendRaw(url, sent, { wait: 5000 })),
          { concurrency: 50 }
        )
      )
      expect((yield* call(`${tb}/devices`)).status).toBe(200)
      expect((yield* Fiber.join(slow)).map(({ text }) => parseResponses(text)[0]?.status)).toEqual(Array.from({ length: 50 }, () => 408))
    })
  )
})
