import { afterAll, beforeAll, describe, expect } from "bun:test"
import { Duration, Effect, Layer, Metric } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { readSignals, parseSignals } from "../../src/config/OpenTelemetry.ts"
import { Settings } from "../../src/config/Settings.ts"
import * as Observability from "../../src/observability/Observability.ts"
import * as BunHttpServer from "../../src/platform/BunHttpServer.ts"
import * as Runtime from "../../src/platform/Runtime.ts"
import * as Transport from "../../src/thingsboard/transport/Transport.ts"
import { effect, live } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { otlpReceiver } from "../support/otlpReceiver.ts"

const trace = "0af7651916cd43dd8448eb211c80319c"
const caller = "b7ad6b7169203331"
const secret = canaries.accessToken

/** An upstream that returns the traceparent that it received. */
const echoUpstream = Effect.acquireRelease(
  Effect.sync(() =>
    Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => Response.json({ traceparent: request.headers.get("traceparent") }) })
  ),
  (server) => Effect.promise(() => server.stop(true))
)

const requests = Metric.counter("test_requests_total", { incremental: true })

const routesTo = (upstream: string) =>
  HttpRouter.use((router) =>
    Effect.gen(function* () {
      const { send } = Transport.make({ host: upstream, timeout: Duration.seconds(5) })
      const handler = Effect.gen(function* () {
        yield* Effect.logInfo("handling")
        yield* Metric.update(requests, 1)
        const bytes = yield* send({
          method: "GET",
          path: "/api/devices",
          headers: { "x-authorization": `Bearer ${secret}` },
          repeatable: true
        })
        return HttpServerResponse.raw(bytes)
      })
      yield* router.add("GET", "/devices", handler)
      yield* router.add("GET", "/health", handler)
    })
  )

/** Sends one request to a server with observability, and stops the server so that all signals are flushed. */
const request = Effect.fnUntraced(function* (path: string) {
  const upstream = yield* echoUpstream
  const ServerLayer = BunHttpServer.layer(routesTo(`http://127.0.0.1:${upstream.port}`), { port: 0, hostname: "127.0.0.1" }).pipe(
    Layer.provide(Observability.layer),
    Layer.provide(Settings.layerTest({ logLevel: "Info", logFormat: "json" })),
    Layer.provide(Runtime.layer)
  )
  const send = Effect.gen(function* () {
    const { url } = yield* BunHttpServer.BunHttpServer
    const headers = { traceparent: `00-${trace}-${caller}-01`, "x-api-key": secret, authorization: `Bearer ${secret}` }
    return yield* Effect.promise(async () => {
      const response = await fetch(url + path, { headers })
      return (await response.json()) as { readonly traceparent?: string }
    })
  })
  return yield* Effect.provide(send, ServerLayer)
})

let originalEnvironment: NodeJS.ProcessEnv
beforeAll(() => {
  originalEnvironment = { ...process.env }
})

const restore = () => {
  for (const name of Object.keys(process.env)) if (!(name in originalEnvironment)) delete process.env[name]
  Object.assign(process.env, originalEnvironment)
}
afterAll(restore)

const setEnvironment = (variables: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => Object.assign(process.env, variables)),
    () => Effect.sync(restore)
  )

describe("OpenTelemetry", () => {
  live("connects the caller's trace, the server's span, the upstream call and the log", () =>
    Effect.gen(function* () {
      const receiver = yield* otlpReceiver
      yield* setEnvironment({
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test"
      })
      const upstream = yield* request("/devices")
      const spans = receiver.spans()
      const server = spans.find(({ name }) => name === "GET /devices")
      const client = spans.find(({ name }) => name === "GET /api/devices")
      expect(server).toMatchObject({ traceId: trace, parentSpanId: caller, kind: 2 })
      expect(client).toMatchObject({ traceId: trace, parentSpanId: server?.spanId, kind: 3 })
      expect(upstream.traceparent).toBe(`00-${trace}-${client?.spanId}-01`)
      expect(receiver.logs().find(({ body }) => body.stringValue === "handling")).toMatchObject({ traceId: trace, severityText: "Info" })
      expect(Object.fromEntries(receiver.resource())).toMatchObject({ "service.name": "boardwalk", "deployment.environment.name": "test" })
      expect(receiver.exportedText()).toContain("test_requests_total")
      expect(receiver.exportedText()).not.toContain(secret)
      expect(receiver.exportedText()).not.toContain("process.command_args")
      expect(receiver.exportedText()).not.toContain("host.name")
    })
  )

  live("creates no span for health checks", () =>
    Effect.gen(function* () {
      const receiver = yield* otlpReceiver
      yield* setEnvironment({
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_METRICS_EXPORTER: "none"
      })
      yield* request("/health")
      expect(receiver.spans().map(({ name }) => name)).not.toContain("GET /health")
    })
  )

  live("respects the sampler", () =>
    Effect.gen(function* () {
      const receiver = yield* otlpReceiver
      yield* setEnvironment({
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_TRACES_SAMPLER: "always_off",
        OTEL_METRICS_EXPORTER: "none",
        OTEL_LOGS_EXPORTER: "none"
      })
      const upstream = yield* request("/devices")
      expect(receiver.spans()).toEqual([])
      expect(upstream.traceparent).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`))
    })
  )

  live("gives up on an unreachable collector after three seconds", () =>
    Effect.gen(function* () {
      yield* setEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_METRICS_EXPORTER: "none" })
      const start = performance.now()
      yield* request("/devices")
      expect(performance.now() - start).toBeLessThan(9000) // its own limit is ten seconds
    })
  )

  live("forwards the caller's trace and exports nothing by default", () =>
    Effect.gen(function* () {
      const upstream = yield* request("/devices")
      expect(upstream.traceparent).toBe(`00-${trace}-${caller}-01`)
      expect(yield* Effect.provide(readSignals, Runtime.layer)).toBeUndefined()
    })
  )
})

describe("the signals that the variables request", () => {
  const exporters = (environment: Record<string, string>) => {
    const signals = parseSignals(environment)
    return signals === undefined ? undefined : { traces: signals.traces, metrics: signals.metrics, logs: signals.logs }
  }
  effect("are none by default, or if the SDK is disabled", () =>
    Effect.sync(() => {
      expect(exporters({})).toBeUndefined()
      expect(exporters({ OTEL_SERVICE_NAME: "x", OTEL_EXPORTER_OTLP_ENDPOINT: "" })).toBeUndefined()
      expect(exporters({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_SDK_DISABLED: "true" })).toBeUndefined()
    })
  )
  effect("are all with an endpoint, or single ones by their own variables", () =>
    Effect.sync(() => {
      expect(exporters({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c" })).toEqual({ traces: ["otlp"], metrics: ["otlp"], logs: ["otlp"] })
      expect(exporters({ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://c" })).toEqual({ traces: [], metrics: [], logs: ["otlp"] })
      expect(exporters({ OTEL_TRACES_EXPORTER: "console" })).toEqual({ traces: ["console"], metrics: [], logs: [] })
      expect(exporters({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_LOGS_EXPORTER: "none" })).toEqual({
        traces: ["otlp"],
        metrics: ["otlp"],
        logs: []
      })
    })
  )
})
