/**
 * One attempt of a call, on one of our own connections (`http1/`). `fetch` is not used: it crosses to another thread and back for each
 * call, and it does not tell whether a request was sent before its connection broke. Redirects are not followed.
 */
import { Clock, Effect, type Fiber } from "effect"
import manifest from "../../../package.json" with { type: "json" }
import { withoutBrackets } from "../../platform/addresses.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { connect, type Proxy } from "../../platform/ClientSocket.ts"
import { InvalidResponse, invalidResponse, QueueFull, ThingsBoardError, Timeout, Unavailable } from "../errors/ThingsBoardError.ts"
import { classify, isHtml } from "./classify.ts"
import type { CallLimits, CallShare, Slot } from "./CallLimits.ts"
import { ConnectionPool } from "./http1/ConnectionPool.ts"
import type { Exchange, ExchangeEvents, HttpResponse } from "./http1/Exchange.ts"
import { ExchangeFailure } from "./http1/ExchangeFailure.ts"
import { type ByteMeter, readResponse, readText, takeSmall } from "./readResponse.ts"
import { parseRetryAfter } from "./retryAfter.ts"

export interface Call {
  readonly method: "GET" | "POST"
  /** With its query, without the path prefix of TB_HOST. */
  readonly path: string
  /** By lower-case name. */
  readonly headers: Record<string, string>
  readonly body?: string | Uint8Array
  /** Whether it may be sent again after a failure that leaves open whether ThingsBoard carried it out. */
  readonly repeatable: boolean
  /** Stores something: only ThingsBoard's own acknowledgement, 200 without a body, is a success. */
  readonly isWrite?: boolean
  /** The share of the limit that it uses: by default that of reads, or of writes. `session`, for logins and probes, is never limited. */
  readonly share?: CallShare | "session"
  /** Ends the reading of a large response early. */
  readonly meter?: ByteMeter | undefined
}

type Result = Buffer<ArrayBuffer> | ThingsBoardError

const toError = (failure: ExchangeFailure): ThingsBoardError => {
  switch (failure.kind) {
    case "unresolved":
    case "refused":
    case "certificate":
      return new ThingsBoardError({ reason: new Unavailable({ why: failure.kind }) })
    case "malformed":
    case "tooLarge":
      return new ThingsBoardError({ reason: new InvalidResponse() })
    default:
      return new ThingsBoardError({ reason: new Unavailable({ why: failure.isWritten ? "broken" : "unsent" }) })
  }
}

const isOk = (status: number) => status >= 200 && status < 300

const classifyFailed = async (response: HttpResponse, controller: AbortController, now: number) =>
  classify(response.status, response.fields.get("content-type") ?? "", await readText(response, controller), {
    location: response.fields.get("location"),
    retryAfterMs: parseRetryAfter(response.fields.get("retry-after"), now)
  })

/** As recorded of 4.1 and 4.3. Everything else comes from something between: a login or maintenance page, or a cache. */
const isAcknowledgement = ({ fields, status }: HttpResponse, body: Buffer) =>
  status === 200 && body.length === 0 && !isHtml(fields.get("content-type") ?? "")

const requireAcknowledgement = (response: HttpResponse, result: Result): Result =>
  result instanceof Buffer && !isAcknowledgement(response, result) ? invalidResponse(response.status) : result

/** What every request says. ThingsBoard or a proxy may compress, which helps on slow networks. */
const commonHeaders = { accept: "*/*", "accept-encoding": "gzip", "user-agent": `boardwalk/${manifest.version}` }

export interface AttemptOptions {
  readonly host: string
  /** Certificates (PEM) of the trusted authorities; the public ones if undefined. */
  readonly authorities: string | undefined
  readonly proxy: Proxy | undefined
  /** Of one response. */
  readonly maxBytes: number
  readonly limits: CallLimits
}

const openPool = ({ authorities, host, proxy }: AttemptOptions) => {
  const { hostname, port, protocol } = new URL(host)
  const isSecure = protocol === "https:"
  const destination = {
    hostname: withoutBrackets(hostname),
    port: port === "" ? (isSecure ? 443 : 80) : Number(port),
    ...(isSecure ? { tls: { authorities } } : {}),
    proxy
  }
  return new ConnectionPool(destination, { connect, headers: commonHeaders })
}

/** Makes attempts at calls to one server. */
export class Attempts {
  private readonly pool: ConnectionPool
  /** Of every path. */
  private readonly prefix: string

  constructor(private readonly options: AttemptOptions) {
    this.pool = openPool(options)
    this.prefix = new URL(options.host).pathname.replace(/\/+$/, "")
  }

  /** Closes all connections. */
  close() {
    this.pool.close()
  }

  /** Takes `remaining` ms at most. Its connection is closed when the fiber is interrupted. */
  make(
    call: Call,
    traceparent: string | undefined,
    remaining: number,
    fiber: Fiber.Fiber<unknown, unknown>
  ): Effect.Effect<Buffer<ArrayBuffer>, ThingsBoardError> {
    return Effect.callback((resume) => {
      let exchange: Pick<Exchange, "cancel"> | undefined
      let controller: AbortController | undefined
      let slot: Slot | undefined
      let isOver = false
      const end = () => {
        isOver = true
        clearTimeout(timer)
        slot?.leave()
      }
      const finish = (result: Result) => {
        end()
        resume(result instanceof ThingsBoardError ? Effect.fail(result) : Effect.succeed(result))
      }
      const fail = (failure: unknown) => {
        if (failure instanceof ExchangeFailure) return finish(toError(failure))
        end()
        resume(Effect.die(failure))
      }
      const cancel = () => {
        exchange?.cancel()
        controller?.abort()
      }
      const timer = setTimeout(() => {
        // A call that waited all the time was not sent.
        finish(new ThingsBoardError({ reason: slot?.hasStarted === false ? new QueueFull() : new Timeout() }))
        cancel()
      }, remaining)
      const onResponse = (response: HttpResponse) => {
        const small = isOk(response.status) && call.meter === undefined ? takeSmall(response) : undefined
        if (small !== undefined) return finish(call.isWrite === true ? requireAcknowledgement(response, small) : small)
        controller = new AbortController()
        controller.signal.addEventListener("abort", () => exchange?.cancel())
        this.read(call, response, controller, fiber).then(finish, fail)
      }
      const start = () => {
        try {
          exchange = this.send(call, traceparent, { onResponse, onFailure: fail })
        } catch (failure) {
          fail(failure)
        }
      }
      const { share = call.isWrite === true ? "write" : "read" } = call
      if (share === "session") start()
      else {
        slot = this.options.limits.enter(share, start)
        // It may have failed at once, before the slot was known.
        if (isOver) slot?.leave()
        else if (slot === undefined) finish(new ThingsBoardError({ reason: new QueueFull() }))
      }
      return Effect.sync(() => {
        cancel()
        end()
      })
    })
  }

  private send({ body, headers, method, path, repeatable }: Call, traceparent: string | undefined, events: ExchangeEvents) {
    return this.pool.send(
      {
        method,
        target: this.prefix + path,
        headers: traceparent === undefined ? headers : { ...headers, traceparent },
        body,
        isRepeatable: repeatable
      },
      events
    )
  }

  private async read(
    { isWrite, meter }: Call,
    response: HttpResponse,
    controller: AbortController,
    fiber: Fiber.Fiber<unknown, unknown>
  ): Promise<Result> {
    if (!isOk(response.status)) return classifyFailed(response, controller, fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
    const result = await readResponse(response, {
      maxBytes: this.options.maxBytes,
      meter,
      controller,
      reservation: () => fiber.getRef(CurrentExchange)?.reservationFor("responses")
    })
    return isWrite === true ? requireAcknowledgement(response, result) : result
  }
}
