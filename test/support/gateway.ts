/** Runs the gateway in front of the emulator, in this process and on real sockets, until the scope closes. */
import { Clock, ConfigProvider, Context, Duration, Effect, Layer, Redacted, Tracer } from "effect"
import { FetchHttpClient } from "effect/http"
import { make } from "../../src/client/BoardwalkClient.ts"
import { Settings, type SettingsShape } from "../../src/config/Settings.ts"
import { Emulator, type EmulatorOptions } from "../../src/emulator/Emulator.ts"
import type { Fault } from "../../src/emulator/faults/FaultInjection.ts"
import * as Server from "../../src/http/Server.ts"
import { BunHttpServer } from "../../src/platform/BunHttpServer.ts"
import { MemoryInUse } from "../../src/platform/processHealth.ts"
import * as Runtime from "../../src/platform/Runtime.ts"
import { canaries } from "./leaks/canaries.ts"
import { captureSignals } from "./leaks/captureSignals.ts"

export { canaries }

export interface TestResponse {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- tests inspect bodies of every shape
  readonly json: any
}

interface Call {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
  /** null sends no key. */
  readonly key?: string | null
}

interface Options {
  /** The time of the gateway, if it is not the real one. */
  readonly clock?: Clock.Clock
  /** Environment variables for the secrets of keys; settings are not read from them. */
  readonly environment?: Record<string, string>
  readonly emulator?: Partial<EmulatorOptions>
  readonly settings?: Partial<SettingsShape>
  /** Bytes that the gateway believes to use. */
  readonly memoryInUse?: () => number
  /** Without spans, as if no OTEL_* variable were set. */
  readonly untraced?: boolean
}

/** Gives injected error responses without a body a text that callers must not see. */
const withCanaryText = (fault: Fault): Fault => {
  const { outcome } = fault
  if (outcome?.type !== "Status") return fault
  const headers = { server: canaries.upstreamWords, "x-powered-by": canaries.innerHost, ...outcome.headers }
  return { ...fault, outcome: { ...outcome, body: outcome.body ?? `${canaries.upstreamWords} at ${canaries.innerHost}`, headers } }
}

/** An object that is made when it is first used: few tests use the typed client, and making it takes as long as some requests. */
const lazily = <A extends object>(make: () => A): A => {
  let made: A | undefined
  return new Proxy({} as A, { get: (_, name) => Reflect.get((made ??= make()), name) })
}

export const gateway = Effect.fnUntraced(function* ({
  clock,
  emulator: emulatorOptions,
  environment = {},
  memoryInUse,
  settings,
  untraced = false
}: Options = {}) {
  const built = Context.get(yield* Layer.build(Emulator.layer({ version: "4.3", hostname: canaries.host, ...emulatorOptions })), Emulator)
  const emulator = { ...built, faults: { ...built.faults, inject: (fault: Fault) => built.faults.inject(withCanaryText(fault)) } }
  const tenant = yield* emulator.createTenant({ username: canaries.username, password: Redacted.make(canaries.password) })
  const { layer: SignalsLayer, lines: logs, records } = captureSignals()
  const GatewayLayer = Server.layer.pipe(
    Layer.provide(
      Settings.layerTest({
        tbHost: emulator.url,
        tbCredentials: { _tag: "Password", username: canaries.username, password: Redacted.make(canaries.password) },
        apiKey: Redacted.make(canaries.apiKey),
        logRepeatedEvents: "each", // so that every line is searched for secrets
        overloadProtection: false, // the machine that runs tests may be
        tbBreakerFailures: 0, // tests make ThingsBoard fail
        rateLimit: { requests: 1_000_000, window: Duration.minutes(1) },
        ...settings
      })
    ),
    Layer.provide(memoryInUse === undefined ? Layer.empty : Layer.succeed(MemoryInUse, memoryInUse)),
    Layer.provide(Runtime.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment }))),
    Layer.provide(clock === undefined ? Layer.empty : Layer.succeed(Clock.Clock, clock)),
    Layer.provide(untraced ? Layer.provideMerge(Layer.succeed(Tracer.Tracer, Tracer.nativeTracer), SignalsLayer) : SignalsLayer)
  )
  const { counts, url } = Context.get(yield* Layer.build(GatewayLayer), BunHttpServer)

  const call = (path: string, { body, headers, key = canaries.apiKey, method = body === undefined ? "GET" : "POST" }: Call = {}) =>
    Effect.promise(async (): Promise<TestResponse> => {
      const response = await fetch(url + path, {
        method,
        headers: {
          "accept-encoding": "identity", // tests look at the bytes as they are sent
          ...(key === null ? {} : { "x-api-key": key }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body) })
      })
      const text = await response.text()
      const json =
        /^application\/(problem\+)?json/.test(response.headers.get("content-type") ?? "") && text !== "" ? JSON.parse(text) : undefined
      return { status: response.status, headers: response.headers, text, json }
    })

  const client = lazily(() => Effect.runSync(make({ baseUrl: url, apiKey: canaries.apiKey }).pipe(Effect.provide(FetchHttpClient.layer))))
  return { url, counts, call, client, emulator, tenant, logs, records }
})
