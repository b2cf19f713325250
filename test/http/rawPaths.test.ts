/**
 * Request lines that no ordinary client sends: clients resolve `..` and encode unusual characters, attackers do not. HOSTILE_RUNS sets the
 * number of runs.
 */
import { expect } from "bun:test"
import { Effect } from "effect"
import * as fc from "fast-check"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { endpoints, findUnexpectedPaths } from "../support/paths.ts"
import { parseResponses, sendRaw } from "../support/rawHttp.ts"

const runs = Number(process.env["HOSTILE_RUNS"] ?? 300)
const uuid = "784f394c-42b6-435a-983c-b7beff2784f9"

const steps = [
  "..",
  ".",
  "/",
  "%2e%2e",
  ".%2E",
  "..%2f..%2fauth%2fuser",
  "..%c0%af..",
  "%252e%252e%252f",
  "..;",
  ";jsessionid=1",
  "..\\..\\",
  "%5c..%5c..",
  "%00",
  "%0d%0aX-Injected:1",
  "\t",
  "\u00ff\u00fe",
  "\u00e2\u0080\u00ae",
  "@elsewhere.example",
  "#/../",
  "?scope=SERVER_SCOPE",
  "DEVICE",
  uuid,
  uuid.toUpperCase(),
  `${uuid}%20`,
  `${uuid}/../../auth/user`,
  `${uuid}/..%2f${uuid}`,
  "{}",
  "*"
] as const

const starts = [
  "",
  "/",
  "//elsewhere.example",
  "http://elsewhere.example",
  "http://127.0.0.1:1",
  "/api/v1/tb/devices/../../../api/auth/user",
  "/./",
  "\\"
] as const

const line = fc.record({
  endpoint: fc.constantFrom(...endpoints),
  start: fc.oneof({ weight: 3, arbitrary: fc.constant("") }, { weight: 1, arbitrary: fc.constantFrom(...starts) }),
  segments: fc.array(fc.constantFrom(...steps), { minLength: 2, maxLength: 2 }),
  end: fc.array(fc.constantFrom(...steps), { maxLength: 2 }),
  query: fc.constantFrom("", "?", "?keys=..%2f..", "?keys=%00", "?x=/../../", "?keys=a&keys=b&keys[]=c", "?%")
})

live(
  "with any request line, ThingsBoard gets only intended paths",
  () =>
    Effect.gen(function* () {
      const it = yield* gateway()
      it.emulator.store.directory.createDevice({ id: uuid, tenantId: it.tenant.tenantId, name: "Device", now: 1 })
      const { host } = new URL(it.url)
      const statuses = new Set<number>()
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(line, async ({ end, endpoint, query, segments, start }) => {
            let next = 0
            const path = [start + endpoint.path.replaceAll(/:\w+/g, () => segments[next++ % 2]!), ...end].join("/") + query
            const body = endpoint.method === "POST" ? "{}" : ""
            const head = [
              `${endpoint.method} ${path} HTTP/1.1`,
              `Host: ${host}`,
              `X-API-Key: ${canaries.apiKey}`,
              "Content-Type: application/json",
              `Content-Length: ${body.length}`,
              "Connection: close"
            ]
            const { closed, text } = await Effect.runPromise(sendRaw(it.url, `${head.join("\r\n")}\r\n\r\n${body}`, { wait: 5_000 }))
            const [answer] = parseResponses(text)
            // Bun itself handles invalid request lines: with 505 after a tab, else by closing the connection.
            const answered = answer === undefined ? closed : answer.status < 500 || answer.status === 505
            expect([path, answered]).toEqual([path, true])
            if (answer === undefined) return
            statuses.add(answer.status)
            expect([path, answer.headers["x-injected"], answer.headers["location"]]).toEqual([path, undefined, undefined])
          }),
          { numRuns: runs }
        )
      )
      const paths = it.emulator.faults.calls().map((call) => call.path)
      expect(new Set(paths).size).toBeGreaterThan(2)
      expect(findUnexpectedPaths(paths)).toEqual([])
      // Some request lines reached an endpoint, most did not.
      expect([200, 404].every((status) => statuses.has(status))).toBe(true)
    }),
  240_000
)
