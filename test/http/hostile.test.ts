/**
 * Hostile values for every input of every endpoint. The inputs are taken from the API, so new endpoints are covered automatically. The
 * response is always one that the API declares, ThingsBoard gets only intended paths, and the gateway keeps running. HOSTILE_RUNS sets the
 * number of runs.
 */
import { expect } from "bun:test"
import { Effect } from "effect"
import * as fc from "fast-check"
import { connect } from "node:net"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { endpoints, findUnexpectedPaths } from "../support/paths.ts"

const runs = Number(process.env["HOSTILE_RUNS"] ?? 400)

const uuid = "784f394c-42b6-435a-983c-b7beff2784f9"
const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels)

/** Parts of paths and queries, as written in a request line. */
const pieces = [
  "..",
  ".",
  "%2e%2e",
  "%2e%2e%2f%2e%2e%2fapi%2fauth%2fuser",
  "..%2f..",
  "%252e%252e",
  "%5c..%5c",
  "%00",
  ";a=b",
  "//",
  "%0d%0aX-Injected:%201",
  "%E2%80%AE",
  "%EF%BC%8F..%EF%BC%8F",
  "%ED%A0%80",
  "%FF",
  "%",
  "__proto__",
  "constructor",
  "*",
  "a".repeat(3000),
  uuid,
  `${uuid}%2f..%2f..`,
  `${uuid}?`,
  `${uuid}#x`,
  `${uuid}%3FscopE=1`,
  "1e999",
  "-1",
  "[]",
  "{}",
  "%22",
  "'%20OR%201=1--"
]

const names = [
  "keys",
  "start_ts",
  "end_ts",
  "page",
  "page_size",
  "text_search",
  "scope",
  "format",
  "__proto__",
  "agg",
  "interval",
  "timezone",
  "x[]"
]

const texts = [
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  `{"${uuid}":{"__proto__":[{"ts":1,"value":1}]}}`,
  deep(100_000),
  `{"keys":${deep(50_000)}}`,
  '{"a":1e99999}',
  `{"a":${"9".repeat(10_000)}}`,
  '{"a":"\\ud800"}',
  '{"a":"\\u0000"}',
  "\uFEFF{}",
  '{"keys":["../../auth/user"],"start_ts":0,"end_ts":9}',
  '{"a":[{"ts":1,"value":null}],"a":[]}',
  "null",
  "[]",
  "",
  "{",
  '"',
  "ts,key,value\n1,\u0000,2\n",
  `{"device_ids":["../../x"],"keys":["k"]}`,
  `{"device_type":"'; drop","keys":["\u202E"]}`,
  "\u2028",
  '{"\\u202e":1}',
  '{"<script>":1}'
]

const bodies: ReadonlyArray<string | Uint8Array> = [
  ...texts,
  new Uint8Array([0xff, 0xfe, 0x00]),
  new Uint8Array([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
  Bun.gzipSync(new Uint8Array(5_000_000))
]

const types = [
  "application/json",
  "text/csv",
  "application/x-ndjson",
  "application/octet-stream",
  "text/plain",
  "application/json; charset=utf-16",
  "multipart/form-data",
  ""
]
const encodings = ["", "", "", "gzip", "deflate", "br"]

const request = fc.record({
  endpoint: fc.constantFrom(...endpoints),
  segments: fc.array(fc.constantFrom(...pieces), { minLength: 2, maxLength: 2 }),
  query: fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...pieces)), { maxLength: 3 }),
  body: fc.constantFrom(...bodies),
  type: fc.constantFrom(...types),
  encoding: fc.constantFrom(...encodings),
  id: fc.constantFrom("", "a b", "x".repeat(500), "<script>", "id-1"),
  trace: fc.constantFrom("", "00-0-0-00", "garbage", `00-${"f".repeat(32)}-${"f".repeat(16)}-01`)
})

live(
  "with any path, query, headers and body, the response is one of the API, and ThingsBoard gets only intended paths",
  () =>
    Effect.gen(function* () {
      const it = yield* gateway()
      it.emulator.store.directory.createDevice({ id: uuid, tenantId: it.tenant.tenantId, name: "Device", now: 1 })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(request, async ({ body, encoding, endpoint, id, query, segments, trace, type }) => {
            let next = 0
            const path = endpoint.path.replaceAll(/:\w+/g, () => segments[next++ % 2]!)
            const search = query.length === 0 ? "" : `?${query.map(([name, value]) => `${name}=${value}`).join("&")}`
            const headers: Record<string, string> = {
              ...(type === "" ? {} : { "content-type": type }),
              ...(encoding === "" ? {} : { "content-encoding": encoding }),
              ...(id === "" ? {} : { "x-request-id": id }),
              ...(trace === "" ? {} : { traceparent: trace })
            }
            const answer = await Effect.runPromise(
              it.call(path + search, { method: endpoint.method, headers, ...(endpoint.method === "POST" ? { body } : {}) })
            )
            expect([path, search, answer.status < 500]).toEqual([path, search, true])
            expect(answer.headers.get("x-injected")).toBeNull()
            expect(answer.headers.get("x-request-id")).toMatch(/^[\w.-]{1,128}$/)
            if (answer.status >= 400) {
              expect(answer.headers.get("content-type")).toBe("application/problem+json")
              expect(answer.json.instance).toBe(answer.headers.get("x-request-id"))
            }
            expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
          }),
          { numRuns: runs }
        )
      )
      const paths = it.emulator.faults.calls().map((call) => call.path)
      expect(new Set(paths).size).toBeGreaterThan(2)
      expect(findUnexpectedPaths(paths)).toEqual([])
    }),
  240_000
)

/** Bytes that are not a request, or only part of one. */
const garbage = [
  "\0\0\0\0",
  "GET",
  "GET / HTTP/1.1\r\n",
  "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
  "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET http://elsewhere.example/api/v1/tb/devices HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST /api/v1/tb/telemetry/bulk HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
  `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  "\u0016\u0003\u0001\u0002\u0000\u0001\u0000"
]

live("after bytes that are not a request, the gateway still responds", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    const { hostname, port } = new URL(it.url)
    for (const bytes of garbage) {
      yield* Effect.promise(
        () =>
          new Promise<void>((resolve) => {
            const socket = connect(Number(port), hostname, () => socket.end(bytes))
            for (const event of ["close", "error"] as const) socket.on(event, () => resolve())
            socket.resume()
          })
      )
      expect((yield* it.call("/health", { key: null })).status).toBe(200)
    }
  })
)
