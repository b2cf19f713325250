/**
 * Calls each endpoint of a running gateway with every OpenTelemetry signal enabled and every log level: successfully, without permission,
 * and with each kind of failure at ThingsBoard, whose error texts contain secrets. The leak watch inspects all output.
 */
import { expect } from "bun:test"
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpApi } from "effect/http-api"
import { Api } from "../../src/api/Api.ts"
import { Emulator } from "../../src/emulator/Emulator.ts"
import type { Outcome } from "../../src/emulator/faults/FaultInjection.ts"
import { randomBytes } from "../../src/platform/Digest.ts"
import { createKey } from "../../src/apikeys/KeyFormat.ts"
import { live } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { registerSecret } from "../support/leaks/watch.ts"
import { otlpReceiver } from "../support/otlpReceiver.ts"
import { type Program, startProgram } from "../support/program.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"

interface Asked {
  readonly path: string
  readonly body?: unknown
  readonly type?: string
}

/** A successful call of each endpoint. */
const callsOf = (device: string, asset: string, batch: string): Readonly<Record<string, Asked>> => {
  const base = "/api/v1/tb"
  const range = "start_ts=0&end_ts=1800000000000"
  const many = { device_ids: [device], keys: ["t"] }
  const row = { ts: 1_700_000_000_000, key: "u", value: 1 }
  return {
    "devices.list": { path: `${base}/devices` },
    "devices.get": { path: `${base}/devices/${device}` },
    "devices.types": { path: `${base}/device-types` },
    "assets.list": { path: `${base}/assets` },
    "assets.get": { path: `${base}/assets/${asset}` },
    "assets.types": { path: `${base}/asset-types` },
    "graph.around": { path: `${base}/graph/${device}` },
    "graph.diagram": { path: `${base}/graph/${device}/diagram?format=dot` },
    "telemetry.keys": { path: `${base}/devices/${device}/keys` },
    "telemetry.latest": { path: `${base}/devices/${device}/telemetry/latest` },
    "telemetry.series": { path: `${base}/devices/${device}/telemetry?${range}&keys=t` },
    "telemetry.export": { path: `${base}/devices/${device}/telemetry/export?${range}&keys=t` },
    "telemetry.latestOfMany": { path: `${base}/telemetry/latest`, body: many },
    "telemetry.exportMany": { path: `${base}/telemetry/export`, body: { ...many, start_ts: 0, end_ts: 1_800_000_000_000 } },
    "telemetry.query": { path: `${base}/devices/${device}/telemetry/query`, body: { keys: ["t"] } },
    "telemetry.upload": { path: `${base}/devices/${device}/telemetry`, body: { u: [{ ts: 1, value: 1 }] } },
    "telemetry.bulk": { path: `${base}/telemetry/bulk`, body: { [device]: { u: [{ ts: 1, value: 1 }] } } },
    "telemetry.import": { path: `${base}/devices/${device}/telemetry/import`, body: row, type: "application/x-ndjson" },
    "telemetry.importMany": {
      path: `${base}/telemetry/import?format=jsonl`,
      body: { device_id: device, ...row },
      type: "application/octet-stream"
    },
    "telemetry.batch": { path: `${base}/ingest/${batch}` },
    "attributes.read": { path: `${base}/devices/${device}/attributes` },
    "attributes.writeServer": { path: `${base}/devices/${device}/attributes/server`, body: { a: 1 } },
    "attributes.writeShared": { path: `${base}/devices/${device}/attributes/shared`, body: { a: 1 } },
    "system.index": { path: "/" },
    "system.health": { path: "/health" },
    "system.healthV1": { path: "/api/v1/health" },
    "system.ready": { path: "/ready" }
  }
}

const words = `${canaries.upstreamWords}: could not reach jdbc:postgresql://${canaries.innerHost}:5432
	at org.thingsboard.server.dao.sql.JpaDao.save(JpaDao.java:42)`
const headers = { server: canaries.innerHost, "x-error": canaries.upstreamWords, "set-cookie": `JSESSIONID=${canaries.upstreamWords}` }

const envelope = (status: number, errorCode: number): Outcome => ({
  type: "Status",
  status,
  body: JSON.stringify({ status, message: words, errorCode, path: canaries.innerHost, trace: words }),
  headers: { "content-type": "application/json", ...headers }
})

const rateLimit = "a rate limit"

const troubles: Readonly<Record<string, Outcome>> = {
  "a wrong request": envelope(400, 31),
  "no right": envelope(403, 20),
  "nothing there": envelope(404, 32),
  "a conflict": envelope(409, 35),
  [rateLimit]: { ...envelope(429, 33), headers: { ...headers, "retry-after": "4" } } as Outcome,
  "a failure": envelope(500, 2),
  "a failure that is the request's": {
    ...envelope(500, 2),
    body: JSON.stringify({ status: 500, message: `Invalid ${words}`, errorCode: 2 })
  } as Outcome,
  "a failure in plain text": { type: "Status", status: 500, body: words, headers },
  "too large": { type: "Status", status: 413, body: JSON.stringify(words), headers },
  "a proxy's page": { type: "Status", status: 502, body: `<html>${words}</html>`, headers: { "content-type": "text/html", ...headers } },
  maintenance: { type: "Status", status: 503, body: words, headers: { ...headers, "retry-after": canaries.upstreamWords } },
  "a redirect": { type: "Redirect", location: `http://${canaries.innerHost}/${canaries.upstreamWords}` },
  "no JSON": { type: "Garbage", body: `{"data":[{"id":"${canaries.upstreamWords}` },
  "another JSON": { type: "Garbage", body: JSON.stringify({ error: words, trace: words, t: words }) },
  "a cut answer": { type: "Truncate", bytes: 5 },
  "a reset": { type: "Reset" },
  // Last, since the gateway then waits before it logs in again.
  "a token that has expired": envelope(401, 11)
}

/** An import repeats writes for twelve seconds after these. Then it only validates, which calls ThingsBoard once. */
const transient = /rate limit|a failure$|plain text|page|maintenance|redirect|cut|reset/
const underTrouble = (call: Asked, trouble: string): Asked =>
  call.path.includes("/import") && transient.test(trouble)
    ? { ...call, path: `${call.path}${call.path.includes("?") ? "&" : "?"}dry_run=true` }
    : call

/** Every call to ThingsBoard except the login. */
const paths = ["tenant", "plugins", "device", "asset", "relation", "entit", "customer", "auth/user"].map((path) => `/api/${path}*`)

const served = Effect.fnUntraced(function* (environment: Record<string, string> = {}) {
  const emulator = Context.get(yield* Layer.build(Emulator.layer({ version: "4.3", hostname: canaries.host })), Emulator)
  const { tenantId } = yield* emulator.createTenant({ username: canaries.username, password: Redacted.make(canaries.password) })
  const { directory, relations, telemetry } = emulator.store
  const device = directory.createDevice({ tenantId, name: "Device", type: "sensor", now: 1 })
  const asset = directory.createAsset({ tenantId, name: "Room", type: "room", now: 1 })
  relations.save({ fromId: asset.id, fromType: "ASSET", toId: device.id, toType: "DEVICE", type: "Contains" })
  telemetry.save(device, [{ key: "t", ts: 1_700_000_000_000, value: 21.5 }])
  const receiver = yield* otlpReceiver
  const program = yield* startProgram(["serve", "--port", "0"], {
    TB_HOST: emulator.url,
    TB_USERNAME: canaries.username,
    TB_PASSWORD: canaries.password,
    API_KEY: canaries.apiKey,
    SECRET_KEY: canaries.secretKey,
    ACCESS_TOKEN: canaries.accessToken,
    HOST: "127.0.0.1",
    LOG_LEVEL: "trace",
    LOG_REPEATED_EVENTS: "each", // so that every line is searched
    RATE_LIMIT_REQUESTS: "1000000",
    TB_TIMEOUT: "3s", // less than the pause after a 429, so that no call waits for its end
    SPOOL_DIR: yield* temporaryFolder("spool"),
    TB_BREAKER_FAILURES: "0", // every trouble has to reach the gateway
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    ...environment
  })
  const [, url] = yield* program.waitForOutput(/listens on (http:\/\/[\d.:]+)/)
  const ask = ({ body, path, type = "application/json" }: Asked, given: Record<string, string> = { "x-api-key": canaries.apiKey }) =>
    Effect.promise(async () => {
      try {
        const response = await fetch(url + path, {
          method: body === undefined ? "GET" : "POST",
          headers: { ...given, ...(body === undefined ? {} : { "content-type": type }) },
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
        const text = await response.text()
        return { status: response.status, headers: response.headers, text }
      } catch {
        return "cut" as const // a download that cannot continue is cut off
      }
    })
  const queued = { body: { q: [{ ts: 1, value: 1 }] }, path: `/api/v1/tb/devices/${device.id}/telemetry` }
  const accepted = yield* ask(queued, { "x-api-key": canaries.apiKey, prefer: "respond-async" })
  const { batch_id } = accepted === "cut" ? {} : JSON.parse(accepted.text)
  return { emulator, receiver, program, ask, calls: callsOf(device.id, asset.id, batch_id) }
})

const stopped = Effect.fnUntraced(function* (program: Program) {
  program.kill("SIGTERM")
  const { exitCode, stdout } = yield* program.exited
  expect(exitCode).toBe(0)
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
})

live("the calls below cover every endpoint", () =>
  Effect.sync(() => {
    const names: Array<string> = []
    HttpApi.reflect(Api, {
      onGroup: () => undefined,
      onEndpoint: ({ endpoint, group }) => void names.push(`${group.identifier}.${endpoint.identifier}`)
    })
    expect(Object.keys(callsOf("", "", "")).toSorted()).toEqual(names.toSorted())
  })
)

live(
  "ThingsBoard's error texts are in no response, log line, span or metric",
  () =>
    Effect.gen(function* () {
      const { ask, calls, emulator, program, receiver } = yield* served()
      for (const [name, call] of Object.entries(calls)) {
        const answer = yield* ask(call)
        expect([name, answer === "cut" ? answer : answer.status < 300]).toEqual([name, true])
      }
      for (const [trouble, outcome] of Object.entries(troubles)) {
        for (const path of paths) emulator.faults.inject({ path, times: "always", outcome })
        const before = emulator.faults.calls().length
        yield* Effect.forEach(
          Object.entries(calls),
          ([name, call]) =>
            Effect.map(ask(underTrouble(call, trouble)), (answer) => {
              if (answer === "cut" || answer.status < 400 || name.startsWith("system.")) return
              expect([trouble, name, answer.headers.get("content-type")]).toEqual([trouble, name, "application/problem+json"])
              expect(answer.text).not.toMatch(/\.(ts|js|java):\d+|Exception|node_modules|fetch\(\)|127\.0\.0\.1/)
              expect(answer.headers.get("set-cookie")).toBeNull()
            }),
          { concurrency: "unbounded" }
        )
        expect([trouble, emulator.faults.calls().length > before]).toEqual([trouble, true])
        if (trouble === rateLimit) yield* Effect.sleep("4.5 seconds") // the pause
        emulator.faults.clearFaults()
      }
      const records = yield* stopped(program)
      const told = records.filter(({ message }) => String(message).startsWith("ThingsBoard HTTP error"))
      expect(told.length).toBeGreaterThan(50)
      expect(receiver.spans().length).toBeGreaterThan(100)
      expect(receiver.logs().length).toBeGreaterThan(50)
    }),
  120_000
)

live(
  "rejected logins, and keys that callers send in wrong places, leave no trace",
  () =>
    Effect.gen(function* () {
      const { ask, calls, emulator, program, receiver } = yield* served({ TB_PASSWORD: canaries.wrongPassword })
      emulator.faults.inject({ path: "/api/auth/login", times: 1, outcome: envelope(401, 10) })
      for (const call of Object.values(calls)) {
        yield* ask(call)
        yield* ask(call, { "x-api-key": canaries.otherApiKey })
        yield* ask(call, { authorization: `Bearer ${canaries.apiKey}`, cookie: `key=${canaries.apiKey}` })
        const joined = call.path.includes("?") ? "&" : "?"
        for (const name of ["api_key", "X-API-Key", "access_token", "key"])
          yield* ask({ ...call, path: `${call.path}${joined}${name}=${encodeURIComponent(canaries.otherApiKey)}` })
      }
      // The gateway's own keys are recognized by their format, anywhere in a URL.
      const minted = createKey(randomBytes)
      registerSecret("a key in an address", minted)
      for (const path of [
        `/api/v1/tb/devices/${minted}`,
        `/${minted}`,
        `/api/v1/tb/${minted}/devices`,
        `/api/v1/tb/devices?text_search=${minted}`
      ])
        for (const given of [{}, { "x-api-key": canaries.otherApiKey }, { "x-api-key": canaries.apiKey }]) yield* ask({ path }, given)
      const records = yield* stopped(program)
      expect(records.filter(({ message }) => message === "Security event: 401").length).toBeGreaterThan(30)
      expect(receiver.exportedText()).toContain("Security event: 401")
    }),
  120_000
)
