/**
 * Effect's HTTP router on `Bun.serve`, until `@effect/platform-bun` has a release for Effect 4.
 * The folder holds the only imports of Bun's and Node's own APIs; the day that release appears, this file is deleted.
 *
 * Every request has one `Exchange`: middlewares write response headers into its plain record, which is merged once at the socket.
 * That is cheaper than copying responses, and it reaches answers that no handler made.
 */
import { Clock, Context, Duration, Effect, FileSystem, Layer, Logger, Option, Path, Random, References, Schema, Tracer } from "effect"
import {
  Etag,
  type HttpBody,
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
import { serverTlsOptions, type ServerTls } from "./Tls.ts"

/** What belongs to one request, from the first byte read to the last one written. */
export class Exchange {
  constructor(
    readonly request: Request,
    /** The caller's `X-Request-Id` when it is well formed, else a new UUID. */
    readonly id: string,
    /** Headers of the answer, by lower-case name; a response's own headers win. */
    readonly headers: Record<string, string>,
    private readonly server: Bun.Server<unknown>,
    private readonly clientAddress: Options["clientAddress"],
    /** Hands the response to Bun. */
    readonly respond: (response: Response) => void
  ) {}

  private address: string | undefined

  /** The caller's address, IPv4 in its usual form also on a dual-stack socket; undefined when the peer has gone. */
  get remoteAddress(): string | undefined {
    return (this.address ??= this.findAddress())
  }

  private findAddress(): string | undefined {
    const found = this.server.requestIP(this.request)?.address
    if (found === undefined) return undefined
    const peer = found.startsWith("::ffff:") ? found.slice(7) : found
    return this.clientAddress === undefined ? peer : this.clientAddress(peer, this.request.headers.get("x-forwarded-for"))
  }

  /**
   * Lets a long answer or body be silent, or slow, for longer than the server's idle timeout. It holds for the connection, also for
   * requests that come later on it: `restoreIdleTimeout` ends it.
   */
  disableIdleTimeout() {
    this.server.timeout(this.request, 0)
  }

  restoreIdleTimeout() {
    this.server.timeout(this.request, idleSeconds)
  }

  /** Closes the connection after the response, for a request whose body is not read to its end. */
  closeAfterResponse() {
    this.headers["connection"] = "close"
  }
}

/** The exchange of the request that is being handled; undefined outside a server, as in tests of single handlers. */
export const CurrentExchange = Context.Reference<Exchange | undefined>("boardwalk/platform/CurrentExchange", {
  defaultValue: () => undefined
})

/** Where a running server can be reached. */
export class BunHttpServer extends Context.Service<
  BunHttpServer,
  {
    /** One that can be opened on this machine. */
    readonly url: string
    /** The address and port that it listens on. */
    readonly bound: string
    readonly port: number
    /** Shows another certificate from now on. Requests in flight end as they began; connections without one are closed. */
    readonly renew: (tls: ServerTls) => Effect.Effect<void, CannotListen>
  }
>()("boardwalk/platform/BunHttpServer") {}

export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", { message: Schema.String }) {}

export interface Options {
  /** 0 takes any free port. */
  readonly port: number
  readonly hostname?: string
  /** How long requests in flight may take after the stop was ordered. */
  readonly drain?: Duration.Input
  /** Headers of every answer, by lower-case name. */
  readonly headers?: Record<string, string>
  /** Bytes of the first line and all headers, 16 KiB when not given; Bun itself answers 431 beyond, without a body. It holds for the whole process. */
  readonly maxHeadSize?: number
  /** Bytes; Bun itself answers 413 beyond, without a body. */
  readonly maxRequestBodySize?: number
  /** https instead of http. */
  readonly tls?: ServerTls
  /** Whom the peer calls for, by its `X-Forwarded-For`; the peer itself when nothing is given. */
  readonly clientAddress?: (peer: string, forwardedFor: string | null) => string
  /** Called before the router: true when the request became a WebSocket. */
  readonly upgrade?: (request: Request, server: Bun.Server<unknown>) => boolean
  readonly websocket?: Bun.WebSocketHandler<unknown>
}

/** Seconds that a connection may be silent, at most 255. Bun gives the head of a connection's first request 12 s whatever is set here. */
const idleSeconds = 60

/** Servers that may share a port would not notice that another program has it. */
const failWhenTaken = (hostname: string, port: number) => Bun.listen({ hostname, port, socket: { data: () => {} } }).stop(true)

const trueCodes = new Set(["EADDRINUSE", "EACCES", "EPERM", "EMFILE", "ENFILE"])

/** Of a name that has no address Bun says whatever went wrong in the process last, such as "inappropriate ioctl for device". */
const describeListenFailure = (cause: unknown): string => {
  if (!(cause instanceof Error)) return "unknown"
  const code = "code" in cause ? String(cause.code) : ""
  return /, listen$|getaddrinfo/.test(cause.message) && !trueCodes.has(code) ? "this machine has no such address or name" : cause.message
}

/** What Bun answers when not even a failure could be answered. */
const brokenAnswer = (headers: Record<string, string>) => () => new Response(null, { status: 500, headers })

const wellFormedId = /^[\w.-]{1,128}$/

/** The request carries its exchange: a map from one to the other would cost the collector more. */
const exchangeOf = Symbol("boardwalk/platform/exchange")
type Carrier = HttpServerRequest.HttpServerRequest & { [exchangeOf]: Exchange }

/** Bytes of a body that is there as a whole. */
const lengthOf = (body: HttpBody.HttpBody): number | undefined => {
  if (body._tag === "Uint8Array") return body.contentLength
  if (body._tag !== "Raw") return undefined
  return typeof body.body === "string" ? Buffer.byteLength(body.body) : body.body instanceof Uint8Array ? body.body.length : undefined
}

const toResponse = (exchange: Exchange, response: HttpServerResponse.HttpServerResponse, context: Context.Context<never>): Response => {
  const { body } = response
  const withoutBody = exchange.request.method === "HEAD"
  if (!withoutBody && (body._tag === "Raw" || body._tag === "Uint8Array") && !(body.body instanceof Response)) {
    const headers = exchange.headers
    for (const name in response.headers) headers[name] = response.headers[name]!
    delete headers["content-length"] // Bun counts the bytes itself
    return new Response(body.body as BodyInit, { status: response.status, headers })
  }
  if (withoutBody) {
    const length = lengthOf(body)
    if (length !== undefined) exchange.headers["content-length"] = String(length)
  }
  // A stream that is not run never gives back what the request's scope holds: without a body the scope closes as usual.
  const written = HttpServerResponse.omitsBody(response, withoutBody) ? response : HttpEffect.scopeTransferToStream(response)
  const web = HttpServerResponse.toWeb(written, {
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

const makeHandler = <E>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, HttpServerRequest.HttpServerRequest>,
  context: Context.Context<never>,
  headers: Record<string, string>,
  clientAddress: Options["clientAddress"]
) => {
  const handled = HttpEffect.toHandled(app, (request, response) => {
    const exchange = (request as Carrier)[exchangeOf]
    exchange.respond(toResponse(exchange, response, context))
    return Effect.void
  })
  return (web: Request, server: Bun.Server<unknown>): Promise<Response> => {
    const given = web.headers.get("x-request-id")
    const id = given !== null && wellFormedId.test(given) ? given : crypto.randomUUID()
    const { promise, resolve } = Promise.withResolvers<Response>()
    const exchange = new Exchange(web, id, { ...headers, "x-request-id": id }, server, clientAddress, resolve)
    const request = HttpServerRequest.fromWeb(web) as Carrier
    request[exchangeOf] = exchange
    let services = Context.add(Context.add(context, HttpServerRequest.HttpServerRequest, request), CurrentExchange, exchange)
    // Taken over also when nothing is traced here, so that the caller's trace reaches ThingsBoard.
    if (web.headers.has("traceparent")) {
      const parent = HttpTraceContext.fromHeaders(request.headers)
      if (Option.isSome(parent)) services = Context.add(services, Tracer.ParentSpan, parent.value)
    }
    const fiber = Effect.runForkWith(services)(handled)
    if (fiber.pollUnsafe() === undefined) web.signal.addEventListener("abort", () => fiber.interruptUnsafe(), { once: true })
    return promise
  }
}

/** Serves the routes. What cannot be built or bound fails here, not at the first request. */
export const layer = <A, E, R>(routes: Layer.Layer<A, E, R>, options: Options) =>
  Layer.effect(
    BunHttpServer,
    Effect.gen(function* () {
      const app = yield* HttpRouter.toHttpEffect(routes)
      const context: Context.Context<never> = pickRequestServices(yield* Effect.context<never>())
      // The router's remaining requirements are services of the routes' own layer, which `context` holds.
      const handler = makeHandler(
        app as Effect.Effect<HttpServerResponse.HttpServerResponse, unknown, HttpServerRequest.HttpServerRequest>,
        context,
        options.headers ?? {},
        options.clientAddress
      )
      const hostname = options.hostname ?? "0.0.0.0"
      const listen = (port: number, tls: ServerTls | undefined) =>
        Effect.try({
          try: () => {
            if (tls !== undefined && port !== 0 && servers.size === 0) failWhenTaken(hostname, port)
            // Bun can set it, for all servers of the process; the types are Node's, which cannot.
            Object.assign(http, { maxHeaderSize: Math.max(http.maxHeaderSize, options.maxHeadSize ?? 0) })
            return Bun.serve({
              port,
              hostname,
              development: false, // errors would be shown with their source
              error: brokenAnswer(options.headers ?? {}),
              idleTimeout: idleSeconds,
              maxRequestBodySize: options.maxRequestBodySize ?? 16 * 1024 * 1024,
              fetch: (request, bun) => (options.upgrade?.(request, bun) === true ? undefined : handler(request, bun)) as Promise<Response>,
              websocket: options.websocket ?? { message: () => {} },
              // Bun reloads everything of a server but its certificate: a new one needs a second server beside the first.
              reusePort: tls !== undefined,
              ...(tls === undefined ? {} : { tls: serverTlsOptions(tls) })
            })
          },
          catch: (cause) =>
            new CannotListen({
              message: `Cannot listen on ${hostname}:${port}: ${describeListenFailure(cause)}`
            })
        })
      /** The last one listens; those before it finish what is in flight. */
      const servers = new Set<Bun.Server<unknown>>()
      const stopAll = (abruptly: boolean) => Effect.promise(() => Promise.all([...servers].map((one) => one.stop(abruptly))))
      const server = yield* Effect.acquireRelease(listen(options.port, options.tls), () =>
        stopAll(false).pipe(
          Effect.interruptible, // a release is uninterruptible, and then the deadline could not cut it
          Effect.timeoutOrElse({ duration: options.drain ?? "10 seconds", orElse: () => stopAll(true) })
        )
      )
      servers.add(server)
      const port = server.port!
      return {
        url: `${options.tls === undefined ? "http" : "https"}://${toLocalHost(hostname)}:${port}`,
        bound: `${toUrlHost(hostname)}:${port}`,
        port,
        renew: (tls) =>
          Effect.map(listen(port, tls), (next) => {
            for (const former of servers) void former.stop().then(() => servers.delete(former))
            servers.add(next)
          })
      }
    })
  ).pipe(Layer.provide(HttpServer.layerServices))
