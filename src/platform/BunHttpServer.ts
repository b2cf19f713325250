/**
 * Effect's HTTP router on `Bun.serve`, until `@effect/platform-bun` has a release for Effect 4.
 * The folder holds the only imports of Bun's and Node's own APIs; the day that release appears, this file is deleted.
 *
 * Every request has one `Exchange`: middlewares write response headers into its plain record, which is merged once at the socket.
 * That is cheaper than copying responses, and it reaches answers that no handler made.
 */
import { Context, Duration, Effect, Layer, Option, Schema, Tracer } from "effect"
import { type HttpBody, HttpEffect, HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse, HttpTraceContext } from "effect/http"

/** What belongs to one request, from the first byte read to the last one written. */
export class Exchange {
  respond: (response: Response) => void = () => {}
  constructor(
    readonly request: Request,
    /** The caller's `X-Request-Id` when it is well formed, else a new UUID. */
    readonly id: string,
    /** Headers of the answer, by lower-case name; a response's own headers win. */
    readonly headers: Record<string, string>,
    private readonly server: Bun.Server<unknown>
  ) {}

  /** The peer's address, IPv4 in its usual form also on a dual-stack socket. */
  get remoteAddress(): string | undefined {
    const address = this.server.requestIP(this.request)?.address
    return address?.startsWith("::ffff:") ? address.slice(7) : address
  }

  /** Lets a long answer be silent for longer than the server's idle timeout. */
  neverIdle() {
    this.server.timeout(this.request, 0)
  }
}

/** The exchange of the request that is being handled; undefined outside a server, as in tests of single handlers. */
export const CurrentExchange = Context.Reference<Exchange | undefined>("boardwalk/platform/CurrentExchange", {
  defaultValue: () => undefined
})

/** Where a running server can be reached. */
export class BunHttpServer extends Context.Service<BunHttpServer, { readonly url: string; readonly port: number }>()(
  "boardwalk/platform/BunHttpServer"
) {}

export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", { message: Schema.String }) {}

export interface Options {
  /** 0 takes any free port. */
  readonly port: number
  readonly hostname?: string
  /** How long requests in flight may take after the stop was ordered. */
  readonly drain?: Duration.Input
  /** Headers of every answer, by lower-case name. */
  readonly headers?: Record<string, string>
  /** Bytes; Bun itself answers 413 beyond, without a body. */
  readonly maxRequestBodySize?: number
  /** Seconds (at most 255) a connection may be silent. */
  readonly idleTimeout?: number
  /** Called before the router: true when the request became a WebSocket. */
  readonly upgrade?: (request: Request, server: Bun.Server<unknown>) => boolean
  readonly websocket?: Bun.WebSocketHandler<unknown>
}

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
  const web = HttpServerResponse.toWeb(HttpEffect.scopeTransferToStream(response), {
    context,
    withoutBody,
    signal: exchange.request.signal
  })
  for (const name in exchange.headers) if (!web.headers.has(name)) web.headers.set(name, exchange.headers[name]!)
  return web
}

/**
 * What a program starts with, which no request needs: the framework copies a request's services several times, so they are left out.
 * Services of the routes reach their handlers by their own layers.
 */
const onlyAtStart = /^(boardwalk\/|~?effect\/(cli|process|Terminal|Stdio|Layer|Scope))/

const ofRequests = (context: Context.Context<never>): Context.Context<never> =>
  Context.makeUnsafe(new Map([...context.mapUnsafe].filter(([key]) => !onlyAtStart.test(key))))

const makeHandler = <E>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, HttpServerRequest.HttpServerRequest>,
  context: Context.Context<never>,
  headers: Record<string, string>
) => {
  const handled = HttpEffect.toHandled(app, (request, response) => {
    const exchange = (request as Carrier)[exchangeOf]
    exchange.respond(toResponse(exchange, response, context))
    return Effect.void
  })
  return (web: Request, server: Bun.Server<unknown>): Promise<Response> => {
    const given = web.headers.get("x-request-id")
    const id = given !== null && wellFormedId.test(given) ? given : crypto.randomUUID()
    const exchange = new Exchange(web, id, { ...headers, "x-request-id": id }, server)
    const request = HttpServerRequest.fromWeb(web) as Carrier
    request[exchangeOf] = exchange
    let services = Context.add(Context.add(context, HttpServerRequest.HttpServerRequest, request), CurrentExchange, exchange)
    // Taken over also when nothing is traced here, so that the caller's trace reaches ThingsBoard.
    if (web.headers.has("traceparent")) {
      const parent = HttpTraceContext.fromHeaders(request.headers)
      if (Option.isSome(parent)) services = Context.add(services, Tracer.ParentSpan, parent.value)
    }
    return new Promise((resolve) => {
      exchange.respond = resolve
      const fiber = Effect.runForkWith(services)(handled)
      if (fiber.pollUnsafe() === undefined) web.signal.addEventListener("abort", () => fiber.interruptUnsafe(), { once: true })
    })
  }
}

/** Serves the routes. What cannot be built or bound fails here, not at the first request. */
export const layer = <A, E, R>(routes: Layer.Layer<A, E, R>, options: Options) =>
  Layer.effect(
    BunHttpServer,
    Effect.gen(function* () {
      const app = yield* HttpRouter.toHttpEffect(routes)
      const context = ofRequests(yield* Effect.context<never>())
      // The router's remaining requirements are services of the routes' own layer, which `context` holds.
      const handler = makeHandler(
        app as Effect.Effect<HttpServerResponse.HttpServerResponse, unknown, HttpServerRequest.HttpServerRequest>,
        context,
        options.headers ?? {}
      )
      const server = yield* Effect.acquireRelease(
        Effect.try({
          try: () =>
            Bun.serve({
              port: options.port,
              hostname: options.hostname ?? "0.0.0.0",
              idleTimeout: options.idleTimeout ?? 60,
              maxRequestBodySize: options.maxRequestBodySize ?? 16 * 1024 * 1024,
              fetch: (request, bun) => (options.upgrade?.(request, bun) === true ? undefined : handler(request, bun)) as Promise<Response>,
              websocket: options.websocket ?? { message: () => {} }
            }),
          catch: (cause) =>
            new CannotListen({
              message: `Cannot listen on ${options.hostname ?? "0.0.0.0"}:${options.port}: ${cause instanceof Error ? cause.message : "unknown"}`
            })
        }),
        (bun) =>
          Effect.promise(() => bun.stop()).pipe(
            Effect.interruptible, // a release is uninterruptible, and then the deadline could not cut it
            Effect.timeoutOrElse({ duration: options.drain ?? "10 seconds", orElse: () => Effect.promise(() => bun.stop(true)) })
          )
      )
      return { url: `http://${server.hostname === "0.0.0.0" ? "127.0.0.1" : server.hostname}:${server.port}`, port: server.port! }
    })
  ).pipe(Layer.provide(HttpServer.layerServices))
