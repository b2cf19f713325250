/**
 * Effect's HTTP router on `Bun.serve`, until `@effect/platform-bun` has a release for Effect 4.
 * This folder has the only imports of Bun's and Node's own APIs. When that release appears, this file can be deleted.
 */
import {
  Clock,
  Context,
  Effect,
  Exit,
  type Fiber,
  FileSystem,
  Layer,
  Logger,
  Option,
  Path,
  Random,
  References,
  Schema,
  Stream,
  Tracer
} from "effect"
import {
  Etag,
  HttpBody,
  HttpEffect,
  HttpIncomingMessage,
  HttpMiddleware,
  HttpPlatform,
  HttpRouter,
  HttpServer,
  HttpServerRequest,
  HttpServerResponse,
  HttpTraceContext,
  UrlParams
} from "effect/http"
import http from "node:http"
import { toUrlHost, toLocalHost } from "./addresses.ts"
import { type ClientAddress, CurrentExchange, Exchange, idleSeconds, type MemoryBudgets } from "./Exchange.ts"
import { makeShutdownState, type OpenStream, type ShutdownState, type ShutdownTimes, stopGracefully, type Stoppable } from "./shutdown.ts"
import { watchReader } from "./readerWatch.ts"
import { isRecording } from "./tracing.ts"
import { serverTlsOptions, type ServerTls } from "./Tls.ts"

/** The work of one request. */
export interface DirectCall {
  /** Never fails: every failure has become a response. */
  readonly effect: Effect.Effect<HttpServerResponse.HttpServerResponse>
  readonly services: Context.Context<never>
}

/**
 * A second way to handle requests, besides the router: cheaper, and for requests only that certainly get the same response there. `find` decides
 * without side effects, and returns undefined for every other request. Requests that belong to a trace always go to the router.
 */
export interface DirectRoutes {
  find: ((exchange: Exchange, services: Context.Context<never>) => DirectCall | undefined) | undefined
}

/** Where a running server can be reached. */
export class BunHttpServer extends Context.Service<
  BunHttpServer,
  {
    /** A URL that can be opened on this machine. */
    readonly url: string
    /** The address and port that it listens on. */
    readonly bound: string
    readonly port: number
    /** Requests so far: handled by a direct route, and by the router. */
    readonly counts: { readonly direct: number; readonly routed: number }
    /** Uses another certificate for new connections. Requests in flight finish with the old one; idle connections are closed. */
    readonly renew: (tls: ServerTls) => Effect.Effect<void, CannotListen>
  }
>()("boardwalk/platform/BunHttpServer") {}

export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", { message: Schema.String }) {}

export interface Options {
  /** 0 takes any free port. */
  readonly port: number
  readonly hostname?: string
  /** How the server stops; by default it stops listening at once, and requests in flight have ten seconds. */
  readonly shutdown?: Partial<ShutdownTimes> & { readonly state?: ShutdownState }
  /** Ms for which the reader of a streamed response may take nothing; ten minutes by default. */
  readonly maxReaderSilence?: number
  /** Headers of every response, by lower-case name. */
  readonly headers?: Record<string, string>
  /**
   * Bytes of the request line and all headers; 16 KiB by default. Beyond that, Bun itself responds with 431 and no body. The limit applies
   * to the whole process.
   */
  readonly maxHeadSize?: number
  /** Bytes; 16 MiB by default. Beyond that, Bun itself responds with 413 and no body. */
  readonly maxRequestBodySize?: number
  /** Limits the memory of all requests together. Whoever reads a body or a response for a request reserves it. */
  readonly memory?: MemoryBudgets
  /** Serves HTTPS instead of HTTP. */
  readonly tls?: ServerTls
  /** Finds the client's address behind a trusted proxy, from `X-Forwarded-For`. Without it, the client is the peer. */
  readonly clientAddress?: ClientAddress
  /** References that are the same for all requests. */
  readonly references?: Context.Context<never>
  /** Adds services that hold the state of one request, which its middlewares share. */
  readonly addRequestState?: <R>(services: Context.Context<R>) => Context.Context<R>
  /** Whether a request with the headers of a trace continues that trace. By default each one does. */
  readonly continuesTrace?: (exchange: Exchange, services: Context.Context<never>) => boolean
  /** Handles requests without the router. `find` is set, if at all, while the routes are built. */
  readonly direct?: DirectRoutes
  /** Called before the router. Returns true if the request became a WebSocket. */
  readonly upgrade?: (request: Request, server: Bun.Server<unknown>) => boolean
  readonly websocket?: Bun.WebSocketHandler<unknown>
}

/** A server that may share its port (`reusePort`) would not notice that another program uses it. */
const failWhenTaken = (hostname: string, port: number) => Bun.listen({ hostname, port, socket: { data: () => {} } }).stop(true)

const reliableCodes = new Set(["EADDRINUSE", "EACCES", "EPERM", "EMFILE", "ENFILE"])

/** For a host name without an address, Bun reports the last system error of the process, such as "inappropriate ioctl for device". */
const describeListenFailure = (cause: unknown): string => {
  if (!(cause instanceof Error)) return "unknown"
  const code = "code" in cause ? String(cause.code) : ""
  return /, listen$|getaddrinfo/.test(cause.message) && !reliableCodes.has(code)
    ? "this machine has no such address or name"
    : cause.message
}

/** The response of last resort, when even the error response failed. */
const lastResort = (headers: Record<string, string>) => () => new Response(null, { status: 500, headers })

const wellFormedId = /^[\w.-]{1,128}$/

/** The request object carries its exchange, and what hands the response to Bun: a map between them would cost more garbage collection. */
const carried = Symbol("boardwalk/platform/carried")
type Carrier = HttpServerRequest.HttpServerRequest & {
  [carried]: { readonly exchange: Exchange; readonly resolve: (response: Response) => void }
}

interface StreamOptions {
  /** Ms for which the reader may take nothing. */
  readonly maxSilence: number
  readonly openStreams: Set<OpenStream>
}

/** Bytes of a body that is not a stream. */
export const lengthOf = (body: HttpBody.HttpBody): number | undefined => {
  if (body._tag === "Uint8Array") return body.contentLength
  if (body._tag !== "Raw") return undefined
  return typeof body.body === "string" ? Buffer.byteLength(body.body) : body.body instanceof Uint8Array ? body.body.length : undefined
}

/** Seconds after which Bun closes a connection whose reader is given up; it looks every four seconds. */
const giveUpSeconds = 1

const watchStream = (
  response: HttpServerResponse.HttpServerResponse,
  exchange: Exchange,
  context: Context.Context<never>,
  { maxSilence, openStreams }: StreamOptions
) => {
  const { body } = response
  if (body._tag !== "Stream") return response
  const { method, url } = exchange.request
  const open: OpenStream = { id: exchange.id, method, path: new URL(url).pathname }
  openStreams.add(open)
  const end = Effect.sync(() => {
    openStreams.delete(open)
    exchange.restoreIdleTimeout()
    exchange.end()
  })
  exchange.removeTimeLimit()
  // Bun closes a connection that takes less than some 20 KiB per second, since it sees no progress for a minute.
  exchange.disableIdleTimeout()
  const onSilence = () => {
    exchange.closeSoon(giveUpSeconds)
    Effect.runForkWith(context)(
      Effect.logWarning("Response cut off: its reader took nothing for too long", {
        request_id: open.id,
        method,
        path: open.path,
        silence_ms: maxSilence
      })
    )
  }
  const stream = Stream.onExit(watchReader(body.stream, { maxSilence, onSilence }), () => end)
  return HttpServerResponse.setBody(response, HttpBody.stream(stream, body.contentType, body.contentLength))
}

/** Bytes per write of a large response. */
const sliceSize = 256 * 1024

/**
 * Writes a large response as its reader takes it. Handed to Bun as a whole, it would stay in memory for as long as a slow reader likes,
 * and nothing would say until when.
 */
const toSlices = (bytes: Uint8Array, exchange: Exchange): ReadableStream<Uint8Array> => {
  let offset = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        controller.enqueue(bytes.subarray(offset, offset + sliceSize))
        offset += sliceSize
        if (offset < bytes.length) return
        controller.close()
        exchange.end()
      },
      cancel: () => exchange.end()
    },
    { highWaterMark: 0 }
  )
}

const toResponse = (
  exchange: Exchange,
  response: HttpServerResponse.HttpServerResponse,
  context: Context.Context<never>,
  streams: StreamOptions
): Response => {
  const { body } = response
  const withoutBody = exchange.request.method === "HEAD"
  if (!withoutBody && (body._tag === "Raw" || body._tag === "Uint8Array") && !(body.body instanceof Response)) {
    const headers = exchange.headers
    for (const name in response.headers) headers[name] = response.headers[name]!
    delete headers["content-length"] // Bun counts the bytes itself
    const init = { status: response.status, headers }
    if (exchange.hasReservations && body.body instanceof Uint8Array && body.body.length > sliceSize)
      return new Response(toSlices(body.body, exchange), init)
    exchange.end()
    return new Response(body.body as BodyInit, init)
  }
  if (withoutBody) {
    const length = lengthOf(body)
    if (length !== undefined) exchange.headers["content-length"] = String(length)
    // Without it, Bun would say that the length is 0.
    else if (body._tag === "Stream" && body.contentLength === undefined) exchange.headers["transfer-encoding"] = "chunked"
    exchange.headers["date"] = new Date(Context.get(context, Clock.Clock).currentTimeMillisUnsafe()).toUTCString() // Bun adds it to others
  }
  // A stream that never runs would never close the request's scope. Without a body, the scope closes as usual.
  const isStreamed = body._tag === "Stream" && !HttpServerResponse.omitsBody(response, withoutBody)
  const scoped = isStreamed ? HttpEffect.scopeTransferToStream(watchStream(response, exchange, context, streams)) : response
  if (!isStreamed) exchange.end()
  const web = HttpServerResponse.toWeb(scoped, {
    context,
    withoutBody,
    signal: exchange.request.signal
  })
  for (const name in exchange.headers) if (!web.headers.has(name)) web.headers.set(name, exchange.headers[name]!)
  return web
}

/**
 * The services that a request's context starts with. The framework copies that context several times per request, so everything else that
 * a program is built with is left out: services of the routes reach their handlers through the routes' own layers. A reference that is
 * missing here has its default value while requests are handled.
 */
const pickRequestServices = Context.pick(
  // Required by every route of an HttpApi.
  FileSystem.FileSystem,
  Path.Path,
  HttpPlatform.HttpPlatform,
  Etag.Generator,
  // References that programs and tests set.
  Clock.Clock,
  Random.Random,
  Tracer.Tracer,
  Logger.CurrentLoggers,
  References.MinimumLogLevel,
  HttpIncomingMessage.MaxBodySize,
  HttpMiddleware.SpanNameGenerator,
  HttpMiddleware.TracerDisabledWhen,
  UrlParams.CurrentRedactedNames
)

/** The headers in which the framework looks for the caller's trace. */
const traceHeaders = ["traceparent", "b3", "x-b3-traceid"] as const
const hasTrace = ({ headers }: Request) => traceHeaders.some((name) => headers.has(name))

const interruptOnAbort = (web: Request, fiber: Fiber.Fiber<unknown, unknown>) =>
  web.signal.addEventListener("abort", () => fiber.interruptUnsafe(), { once: true })

const makeHandler = <E>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, HttpServerRequest.HttpServerRequest>,
  context: Context.Context<never>,
  shutdown: ShutdownState,
  {
    addRequestState = (services) => services,
    clientAddress,
    continuesTrace = () => true,
    direct,
    headers = {},
    maxReaderSilence = 600_000,
    memory
  }: Options
) => {
  const streams: StreamOptions = { maxSilence: maxReaderSilence, openStreams: shutdown.openStreams }
  const respond = (exchange: Exchange, response: HttpServerResponse.HttpServerResponse): Response => {
    if (shutdown.hasBegun) exchange.closeAfterResponse()
    return toResponse(exchange, response, context, streams)
  }
  const handled = HttpEffect.toHandled(app, (request, response) => {
    const { exchange, resolve } = (request as Carrier)[carried]
    resolve(respond(exchange, response))
    return Effect.void
  })

  const handleByRouter = (web: Request, exchange: Exchange): Promise<Response> => {
    const { promise, resolve } = Promise.withResolvers<Response>()
    const request = HttpServerRequest.fromWeb(web) as Carrier
    request[carried] = { exchange, resolve }
    let services = addRequestState(
      Context.add(Context.add(context, HttpServerRequest.HttpServerRequest, request), CurrentExchange, exchange)
    )
    if (hasTrace(web)) {
      // The framework reads the headers again for its own span, so they are removed.
      if (!continuesTrace(exchange, services)) for (const name of traceHeaders) web.headers.delete(name)
      // Accepted even if nothing is traced here, so that the client's trace reaches ThingsBoard.
      else if (web.headers.has("traceparent")) {
        const parent = HttpTraceContext.fromHeaders(request.headers)
        if (Option.isSome(parent)) services = Context.add(services, Tracer.ParentSpan, parent.value)
      }
    }
    const fiber = Effect.runForkWith(services)(handled)
    if (fiber.pollUnsafe() === undefined) interruptOnAbort(web, fiber)
    return promise
  }

  const handleDirectly = (exchange: Exchange, { effect, services }: DirectCall): Response | Promise<Response> => {
    const toWeb = (exit: Exit.Exit<HttpServerResponse.HttpServerResponse>) => {
      if (Exit.isSuccess(exit)) return respond(exchange, exit.value)
      // It was interrupted, because its client has left.
      exchange.end()
      return lastResort(exchange.headers)()
    }
    const fiber = Effect.runForkWith(services)(effect)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return toWeb(exit)
    interruptOnAbort(exchange.request, fiber)
    return new Promise((resolve) => fiber.addObserver((later) => resolve(toWeb(later))))
  }

  const mayBeDirect = !isRecording(Context.getOrUndefined(context, Tracer.Tracer))
  const counts = { direct: 0, routed: 0 }
  const handle = (web: Request, server: Bun.Server<unknown>): Response | Promise<Response> => {
    const given = web.headers.get("x-request-id")
    const id = given !== null && wellFormedId.test(given) ? given : crypto.randomUUID()
    const exchange = new Exchange(web, id, { ...headers, "x-request-id": id }, server, clientAddress, memory)
    const call = mayBeDirect && direct?.find !== undefined && !hasTrace(web) ? direct.find(exchange, context) : undefined
    counts[call === undefined ? "routed" : "direct"]++
    return call === undefined ? handleByRouter(web, exchange) : handleDirectly(exchange, call)
  }
  return { counts, handle }
}

/** Serves the routes. Fails here, not at the first request, if the routes cannot be built or the port cannot be bound. */
export const layer = <A, E, R>(routes: Layer.Layer<A, E, R>, options: Options) =>
  Layer.effect(
    BunHttpServer,
    Effect.gen(function* () {
      const shutdown = options.shutdown?.state ?? makeShutdownState()
      const app = yield* HttpRouter.toHttpEffect(routes)
      const picked: Context.Context<never> = pickRequestServices(yield* Effect.context<never>())
      const context = options.references === undefined ? picked : Context.merge(picked, options.references)
      // The router's remaining requirements are services of the routes' own layer, which `context` holds.
      const { counts, handle } = makeHandler(
        app as Effect.Effect<HttpServerResponse.HttpServerResponse, unknown, HttpServerRequest.HttpServerRequest>,
        context,
        shutdown,
        options
      )
      const hostname = options.hostname ?? "0.0.0.0"
      const listen = (port: number, tls: ServerTls | undefined) =>
        Effect.try({
          try: () => {
            if (tls !== undefined && port !== 0 && servers.size === 0) failWhenTaken(hostname, port)
            // Bun lets this be set, for all servers of the process. The types are Node's, where it is read-only.
            Object.assign(http, { maxHeaderSize: Math.max(http.maxHeaderSize, options.maxHeadSize ?? 0) })
            return Bun.serve({
              port,
              hostname,
              development: false, // would show errors with their source code
              error: lastResort(options.headers ?? {}),
              idleTimeout: idleSeconds,
              maxRequestBodySize: options.maxRequestBodySize ?? 16 * 1024 * 1024,
              fetch: (request, bun) =>
                (options.upgrade?.(request, bun) === true ? undefined : handle(request, bun)) as Response | Promise<Response>,
              websocket: options.websocket ?? { message: () => {} },
              // Bun can reload everything about a server except its certificate: a new one needs a second server on the same port.
              reusePort: tls !== undefined,
              ...(tls === undefined ? {} : { tls: serverTlsOptions(tls) })
            })
          },
          catch: (cause) =>
            new CannotListen({
              message: `Cannot listen on ${hostname}:${port}: ${describeListenFailure(cause)}`
            })
        })
      /** The last one listens; earlier ones finish their requests in flight. */
      const servers = new Set<Bun.Server<unknown>>()
      const stoppable: Stoppable = {
        pending: () => [...servers].reduce((sum, { pendingRequests }) => sum + pendingRequests, 0),
        stop: (abruptly) => Promise.all([...servers].map((one) => one.stop(abruptly)))
      }
      const server = yield* Effect.acquireRelease(listen(options.port, options.tls), () =>
        stopGracefully(shutdown, stoppable, { delay: 0, drain: "10 seconds", ...options.shutdown })
      )
      servers.add(server)
      const port = server.port!
      return {
        url: `${options.tls === undefined ? "http" : "https"}://${toLocalHost(hostname)}:${port}`,
        bound: `${toUrlHost(hostname)}:${port}`,
        port,
        counts,
        renew: (tls) =>
          Effect.map(listen(port, tls), (next) => {
            for (const former of servers) void former.stop().then(() => servers.delete(former))
            servers.add(next)
          })
      }
    })
  ).pipe(Layer.provide(HttpServer.layerServices))
