/** An OpenTelemetry collector that keeps the OTLP/HTTP JSON exports it receives, for assertions. */
import { Effect } from "effect"
import { checkForLeaks } from "./leaks/watch.ts"

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string }
}

export interface Span {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
}

export interface LogRecord {
  readonly traceId?: string
  readonly spanId?: string
  readonly severityText: string
  readonly body: { readonly stringValue?: string }
}

interface Export {
  readonly resourceSpans?: ReadonlyArray<Resource & { readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }> }>
  readonly resourceLogs?: ReadonlyArray<Resource & { readonly scopeLogs: ReadonlyArray<{ readonly logRecords: ReadonlyArray<LogRecord> }> }>
}

interface Resource {
  readonly resource: { readonly attributes: ReadonlyArray<Attribute> }
}

const readBody = async (request: Request) => {
  const bytes = new Uint8Array(await request.arrayBuffer())
  return new TextDecoder().decode(request.headers.get("content-encoding") === "gzip" ? Bun.gunzipSync(bytes) : bytes)
}

/** Listens until the scope closes. */
export const otlpReceiver = Effect.acquireRelease(
  Effect.sync(() => {
    const bodies: Array<string> = []
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const body = await readBody(request)
        checkForLeaks("export", body)
        bodies.push(body)
        return Response.json({})
      }
    })
    const exports = () => bodies.map((body) => JSON.parse(body) as Export)
    const traces = () => exports().flatMap(({ resourceSpans }) => resourceSpans ?? [])
    const logs = () => exports().flatMap(({ resourceLogs }) => resourceLogs ?? [])
    return {
      url: `http://127.0.0.1:${server.port}`,
      /** The text of all exports. */
      exportedText: () => bodies.join("\n"),
      spans: () => traces().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      logs: () => logs().flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)),
      resource: () =>
        new Map([...traces(), ...logs()].flatMap(({ resource }) => resource.attributes).map(({ key, value }) => [key, value.stringValue])),
      stop: () => server.stop(true)
    }
  }),
  ({ stop }) => Effect.promise(stop)
)
