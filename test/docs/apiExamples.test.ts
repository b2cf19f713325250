/** The examples of the API's documentation, which are those of docs/api-examples.md, work in the demo, as a new user tries them. */
import { expect } from "bun:test"
import { Duration, Effect, Redacted } from "effect"
import { exampleErrors, exampleRequests, exampleResponse } from "../../scripts/apiExamples.ts"
import { buildDocument } from "../../src/api/openapi/document.ts"
import { exampleBody, type ProblemName, problemGuide, problemNames } from "../../src/api/ProblemGuide.ts"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { live, until } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"
import { batchId, deviceId, otherDeviceId } from "../../src/api/openapi/examples/model.ts"
import { queueBatch } from "../support/queuedBatch.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"

/** With the batch of the examples, of which one device is unknown. */
const demo = Effect.gen(function* () {
  const spoolDir = yield* temporaryFolder("examples")
  yield* queueBatch(spoolDir, batchId, "default", [deviceId, otherDeviceId])
  return yield* gateway({
    emulator: { demo: true },
    settings: { spoolDir, tbCredentials: { _tag: "Password", username: "tenant@thingsboard.org", password: Redacted.make("tenant") } }
  })
})

const uuid = /^[\da-f-]{36}$/

const typeOf = (value: unknown) => (Array.isArray(value) ? "list" : value === null ? "null" : typeof value)

/** Where a response has another shape than the example. Ids of the example that the demo does not have, and values, may differ. */
const differences = (example: unknown, actual: unknown, path = "$"): ReadonlyArray<string> => {
  if (example === null || actual === null) return []
  if (typeOf(example) !== typeOf(actual)) return [`${path}: ${typeOf(example)}, not ${typeOf(actual)}`]
  if (Array.isArray(example) && Array.isArray(actual))
    return example.length > 0 && actual.length > 0 ? differences(example[0], actual[0], `${path}[0]`) : []
  if (typeof example === "object") {
    const fields = actual as Record<string, unknown>
    return Object.entries(example).flatMap(([name, value]) =>
      name in fields ? differences(value, fields[name], `${path}.${name}`) : uuid.test(name) ? [] : [`${path}.${name} is missing`]
    )
  }
  return []
}

/** A file has the columns of the example. */
const firstLine = (text: string) => text.split("\n", 1)[0]!.trim()

live(
  "every operation returns in the demo what the documentation shows",
  () =>
    Effect.gen(function* () {
      const { call } = yield* demo
      const requests = exampleRequests(buildDocument())
      expect(requests.length).toBeGreaterThan(15)
      for (const { body, method, operation, path } of requests) {
        const answer = yield* call(path, {
          method,
          ...(body === undefined ? {} : { body: body.text, headers: { "content-type": body.mediaType } })
        })
        const { body: example, status } = exampleResponse(operation)
        expect(`${operation.operationId}: ${answer.status} ${answer.status < 300 ? "" : answer.text}`).toBe(
          `${operation.operationId}: ${status} `
        )
        if (typeof example === "string") expect(firstLine(answer.text)).toBe(firstLine(example))
        else expect([operation.operationId, differences(example, answer.json)]).toEqual([operation.operationId, []])
      }
    }),
  120_000
)

/** Problems that no request causes, or not without a broken gateway or connection; other tests cause them. */
const notReplayed = new Set<ProblemName>(["internal-error", "overloaded", "request-timeout"])

/** What the problem needs besides the request. */
const conditions: { readonly [Name in ProblemName]?: Partial<SettingsShape> } = {
  "payload-too-large": { maxBodySize: 1 },
  "idempotency-unavailable": { redisUrl: Redacted.make("redis://127.0.0.1:1") },
  "rate-limited": { rateLimit: { requests: 1, window: Duration.minutes(1) } },
  "spool-full": { spoolMaxBytes: 1 },
  "spool-unavailable": { spoolRedisUrl: Redacted.make("redis://127.0.0.1:1") },
  "upstream-timeout": { tbTimeout: Duration.millis(100) }
}

const long = "x".repeat(9000)

const replayError = (name: ProblemName) =>
  live(
    `${name} is returned as the documentation shows`,
    () =>
      Effect.gen(function* () {
        const { body, headers = {}, method, path, withoutKey } = exampleErrors[name]
        const apiKeysFile = yield* writeKeyFile({ writer: { scopes: ["telemetry:write"] } })
        const spoolDir = name === "spool-full" ? yield* temporaryFolder("examples") : undefined
        const { call, emulator, tenant } = yield* gateway({ settings: { apiKeysFile, spoolDir, ...conditions[name] } })
        if (name === "rate-limited") yield* call(path)
        if (name === "upstream-error") emulator.faults.inject({ outcome: { type: "Status", status: 500 } })
        if (name === "upstream-unavailable") emulator.faults.inject({ times: "always", outcome: { type: "Status", status: 503 } })
        if (name === "upstream-timeout") emulator.faults.inject({ times: "always", outcome: { type: "Hang" } })
        if (name === "request-in-progress") {
          emulator.faults.inject({ path: "/api/plugins/telemetry/*", times: "always", latencyMillis: 2000 })
          yield* Effect.forkScoped(call(path, { body, headers }))
          yield* until(() => emulator.faults.calls({ path: "/api/plugins/telemetry/*" }).length > 0)
        }
        if (name === "idempotency-key-reused") {
          const { id } = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name: "Meter", now: 1 })
          expect((yield* call(`/api/v1/tb/devices/${id}/telemetry`, { body, headers })).status).toBe(201)
        }
        const answer = yield* call(path.replace("…", long), {
          method: method ?? (body === undefined ? "GET" : "POST"),
          ...(body === undefined ? {} : { body }),
          ...(withoutKey === true ? { key: null } : name === "forbidden" ? { key: keyOf("writer") } : {}),
          headers: Object.fromEntries(Object.entries(headers).map(([header, value]) => [header, value.replace("…", long)]))
        })
        const example = exampleBody(problemGuide[name])
        expect([answer.status, answer.json.type, answer.json.error_code]).toEqual([example.status, example.type, example.error_code])
        expect(differences(example, answer.json)).toEqual([])
      }),
    120_000
  )

for (const name of problemNames) if (!notReplayed.has(name)) replayError(name)

live(
  "the times of the examples have data in the demo",
  () =>
    Effect.gen(function* () {
      const { call } = yield* demo
      for (const { body, method, path } of exampleRequests(buildDocument()).filter((request) =>
        /telemetry(\/query)?(\?start_ts.*)?$/.test(request.path)
      )) {
        if (method === "POST" && !path.endsWith("/query")) continue
        const { json } = yield* call(path, { method, ...(body === undefined ? {} : { body: body.text }) })
        const series = json.data ?? json
        expect([path, series.temperature.length > 10]).toEqual([path, true])
      }
    }),
  120_000
)
