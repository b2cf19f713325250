/**
 * HTTP calls to ThingsBoard. Each attempt is one `fetch`, with a deadline over all attempts. Redirects are not followed, and a call is
 * aborted when its fiber is interrupted. Effect's `HttpClient` is not used: it costs more than everything else in a request whose
 * response is only passed on.
 */
import { Clock, Duration, Effect, type Fiber, Random, Tracer } from "effect"
import { Settings } from "../../config/Settings.ts"
import { uuidPattern } from "../../domain/Ids.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { verifiedFetchOptions } from "../../platform/Tls.ts"
import { isTraced } from "../../platform/tracing.ts"
import { currentMonotonicMillis } from "../../platform/monotonicTime.ts"
import { parseRetryAfter } from "./retryAfter.ts"
import { RetryBudget } from "./RetryBudget.ts"
import { TrustedCa } from "./TrustedCa.ts"
import { classify, isHtml } from "./classify.ts"
import { type ByteMeter, readResponse, readText } from "./readResponse.ts"
import { askedPauseOf, mayResend } from "../errors/failures.ts"
import { invalidResponse, ThingsBoardError, Timeout, Unavailable } from "../errors/ThingsBoardError.ts"

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

export interface Transport {
  /** The body of a 2xx response, up to where the call's meter ended it. Every other response is an error. */
  readonly send: (call: Call) => Effect.Effect<Buffer<ArrayBuffer>, ThingsBoardError>
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

/** Longer timers fire at once. */
const maxTimerMillis = 2 ** 31 - 1

const maxAttempts = 4
/** Ms. Each pause is four times as long as the one before, with a random factor between 0.5 and 1.5. */
const firstPause = 25

/** Ms. The client waits for a longer pause itself: the response has it as `Retry-After`. */
const maxAskedPause = 2000

/** `authorities`: certificates (PEM) of the trusted authorities; the public ones if undefined. `maxBytes`: of one response. */
export const make = (host: string, timeout: Duration.Duration, authorities?: string, maxBytes = Number.POSITIVE_INFINITY): Transport => {
  const base = host.replace(/\/+$/, "")
  const { hostname, port, protocol } = new URL(host)
  // TLS options cost about 10 µs per call, even over plain HTTP.
  const tls = protocol === "https:" ? verifiedFetchOptions(authorities) : {}
  const budget = new RetryBudget()
  const deadline = Math.min(Duration.toMillis(timeout), maxTimerMillis)

  const attempt = (
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

  const attemptWithSpan = (call: Call, resends: number, remaining: number, fiber: Fiber.Fiber<unknown, unknown>) => {
    const template = toTemplate(call.path)
    return Effect.useSpan(
      `${call.method} ${template}`,
      {
        kind: "client",
        attributes: {
          "http.request.method": call.method,
          "url.template": template,
          "server.address": hostname,
          ...(port === "" ? {} : { "server.port": Number(port) }),
          ...(resends === 0 ? {} : { "http.request.resend_count": resends })
        }
      },
      (span) =>
        Effect.onExit(attempt(call, traceparentOf(span), remaining, fiber), (exit) =>
          Effect.sync(() => {
            if (exit._tag === "Success") return span.attribute("http.response.status_code", 200)
            const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
            if (error?.status !== undefined) span.attribute("http.response.status_code", error.status)
            if (error !== undefined) span.attribute("error.type", error.reason._tag)
          })
        )
    )
  }

  const attemptOnce = (fiber: Fiber.Fiber<unknown, unknown>, call: Call, resends: number, remaining: number) =>
    isTraced(fiber)
      ? attemptWithSpan(call, resends, remaining, fiber)
      : attempt(call, fiber.cache.span && traceparentOf(fiber.cache.span), remaining, fiber)

  /**
   * Not `Effect.retry`: the jitter decides whether a pause still fits before the deadline, and each attempt needs the remaining time and
   * the number of resends. A schedule around the first attempt would also cost every call that succeeds.
   */
  const resend = Effect.fnUntraced(function* (call: Call, startedAt: number, failure: ThingsBoardError) {
    let last = failure
    for (let resends = 1; resends < maxAttempts && mayResend(last, call.repeatable); resends++) {
      const asked = askedPauseOf(last) ?? 0
      if (asked > maxAskedPause || !budget.tryResend(yield* currentMonotonicMillis)) break
      const pause = Math.max(asked, firstPause * 4 ** (resends - 1) * (0.5 + (yield* Random.next)))
      const remaining = startedAt + deadline - (yield* Clock.currentTimeMillis) - pause
      if (remaining <= 0) break
      yield* Effect.sleep(pause)
      const outcome = yield* Effect.result(Effect.withFiber((fiber) => attemptOnce(fiber, call, resends, remaining)))
      if (outcome._tag === "Success") return outcome.success
      last = outcome.failure
    }
    return yield* last
  })

  return {
    send: (call) =>
      Effect.withFiber((fiber) => {
        budget.recordCall()
        const startedAt = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
        return Effect.catch(attemptOnce(fiber, call, 0, deadline), (failure) => resend(call, startedAt, failure))
      })
  }
}

/** The transport to TB_HOST. Every call uses it, so that all of them trust the same authorities. */
export const configuredTransport = Effect.gen(function* () {
  const { tbHost, tbMaxResponseSize, tbTimeout } = yield* Settings
  return make(tbHost, tbTimeout, yield* TrustedCa, tbMaxResponseSize)
})

const traceparentOf = ({ sampled, spanId, traceId }: Tracer.AnySpan) => `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`

const uuids = new RegExp(uuidPattern, "g")

/** The path without ids and query: few distinct span names, and none that identifies an entity. */
const toTemplate = (path: string) => path.replace(/\?.*$/s, "").replace(uuids, "{id}")
