/**
 * One attempt of a call, by `fetch`. Redirects are not followed, and it is aborted when its fiber is interrupted. Effect's `HttpClient` is
 * not used: it costs more than everything else in a request whose response is only passed on.
 */
import { Clock, Effect, type Fiber } from "effect"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { verifiedFetchOptions } from "../../platform/Tls.ts"
import { invalidResponse, ThingsBoardError, Timeout, Unavailable } from "../errors/ThingsBoardError.ts"
import { classify, isHtml } from "./classify.ts"
import { type ByteMeter, readResponse, readText } from "./readResponse.ts"
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
  /** Ends the reading of a large response early. */
  readonly meter?: ByteMeter | undefined
}

const causes: Record<string, Unavailable["why"]> = { ECONNREFUSED: "refused", FailedToOpenSocket: "refused", ENOTFOUND: "unresolved" }

const findCause = (error: unknown): Unavailable["why"] => {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  return causes[code] ?? (/CERT|SSL|TLS|VERIFY|SELF_SIGNED/i.test(code) ? "certificate" : "broken")
}

const classifyFailed = async (response: Response, now: number) =>
  classify(response.status, response.headers.get("content-type") ?? "", await readText(response), {
    location: response.headers.get("location") ?? undefined,
    retryAfterMs: parseRetryAfter(response.headers.get("retry-after") ?? undefined, now)
  })

/** As recorded of 4.1 and 4.3. Everything else comes from something between: a login or maintenance page, or a cache. */
const isAcknowledgement = ({ headers, status }: Response, body: Buffer) =>
  status === 200 && body.length === 0 && !isHtml(headers.get("content-type") ?? "")

export interface AttemptOptions {
  readonly host: string
  /** Certificates (PEM) of the trusted authorities; the public ones if undefined. */
  readonly authorities: string | undefined
  /** Of one response. */
  readonly maxBytes: number
}

/** An attempt may take `remaining` ms. */
export const makeAttempt = ({ authorities, host, maxBytes }: AttemptOptions) => {
  const base = host.replace(/\/+$/, "")
  const { protocol } = new URL(host)
  // TLS options cost about 10 µs per call, even over plain HTTP.
  const tls = protocol === "https:" ? verifiedFetchOptions(authorities) : {}

  return (
    { body, headers, isWrite = false, meter, method, path, repeatable }: Call,
    traceparent: string | undefined,
    remaining: number,
    fiber: Fiber.Fiber<unknown, unknown>
  ) =>
    Effect.callback<Buffer<ArrayBuffer>, ThingsBoardError>((resume) => {
      const controller = new AbortController()
      let timedOut = false
      const timer = setTimeout(() => {
        timedOut = true
        controller.abort()
      }, remaining)
      const init: RequestInit = {
        method,
        headers: traceparent === undefined ? headers : { ...headers, traceparent },
        redirect: "manual",
        ...tls,
        signal: controller.signal
      }
      if (body !== undefined) init.body = body as BodyInit
      // ThingsBoard closes connections that are idle, and every connection after its 100th request. A call that cannot be repeated after
      // that gets a connection of its own.
      if (!repeatable) init.keepalive = false
      const exchange = async () => {
        const response = await fetch(base + path, init)
        if (!response.ok) return await classifyFailed(response, fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
        const result = await readResponse(response, {
          maxBytes,
          meter,
          controller,
          reservation: () => fiber.getRef(CurrentExchange)?.reservationFor("responses")
        })
        return isWrite && result instanceof Buffer && !isAcknowledgement(response, result) ? invalidResponse(response.status) : result
      }
      exchange().then(
        (result) => {
          clearTimeout(timer)
          resume(result instanceof ThingsBoardError ? Effect.fail(result) : Effect.succeed(result))
        },
        (error: unknown) => {
          clearTimeout(timer)
          resume(Effect.fail(new ThingsBoardError({ reason: timedOut ? new Timeout() : new Unavailable({ why: findCause(error) }) })))
        }
      )
      return Effect.sync(() => {
        clearTimeout(timer)
        controller.abort()
      })
    })
}
