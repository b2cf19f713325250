/**
 * Calls to ThingsBoard, one `fetch` each: a deadline over all tries, none followed elsewhere, broken off when nobody waits any more.
 * `HttpClient` is not used, since it costs more than all the rest of a request that is only passed on.
 */
import { Clock, Duration, Effect, type Fiber, Random, Tracer } from "effect"
import { Settings } from "../../config/Settings.ts"
import { verifiedFetchOptions } from "../../platform/Tls.ts"
import { isTraced } from "../../platform/tracing.ts"
import { TrustedCa } from "./TrustedCa.ts"
import { classify } from "./classify.ts"
import { ThingsBoardError, Timeout, Unavailable } from "../errors/ThingsBoardError.ts"

export interface Call {
  readonly method: "GET" | "POST"
  /** With its query; the address and its path prefix go before it. */
  readonly path: string
  /** By lower-case name. */
  readonly headers: Record<string, string>
  readonly body?: string | Uint8Array
  /** Whether it may be sent again after a failure that leaves open whether it was carried out. */
  readonly repeatable: boolean
}

export interface Transport {
  /** The body of a 2xx answer. All else is an error. */
  readonly send: (call: Call) => Effect.Effect<Buffer<ArrayBuffer>, ThingsBoardError>
}

const causes: Record<string, Unavailable["why"]> = { ECONNREFUSED: "refused", FailedToOpenSocket: "refused", ENOTFOUND: "unresolved" }

const whyOf = (error: unknown): Unavailable["why"] => {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  return causes[code] ?? (/CERT|SSL|TLS|VERIFY|SELF_SIGNED/i.test(code) ? "certificate" : "broken")
}

const failed = async (response: Response) =>
  classify(response.status, response.headers.get("content-type") ?? "", await response.text(), {
    location: response.headers.get("location") ?? undefined,
    retryAfter: response.headers.get("retry-after") ?? undefined
  })

/** A connection that ThingsBoard closed as idle or after its 100th request fails like one that broke: it must not surface. */
const isTransient = ({ reason, status }: ThingsBoardError) =>
  status === 502 ||
  status === 503 ||
  status === 504 ||
  (reason._tag === "Unavailable" && (reason.why === "broken" || reason.why === "refused"))

/** Timers beyond it fire at once. */
const maxTimerMillis = 2 ** 31 - 1

const tries = 4
const firstPause = 25

/** `authorities`: PEM of those that are trusted; the public ones when there are none. */
export const make = (host: string, timeout: Duration.Duration, authorities?: string): Transport => {
  const base = host.replace(/\/+$/, "")
  const { hostname, port, protocol } = new URL(host)
  // Options of TLS cost some 10 µs a call, also where there is none.
  const tls = protocol === "https:" ? verifiedFetchOptions(authorities) : {}
  const deadline = Math.min(Duration.toMillis(timeout), maxTimerMillis)

  const attempt = ({ body, headers, method, path }: Call, traceparent: string | undefined, remaining: number) =>
    Effect.callback<Buffer<ArrayBuffer>, ThingsBoardError>((resume) => {
      const controller = new AbortController()
      let overdue = false
      const timer = setTimeout(() => {
        overdue = true
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
      const exchange = async () => {
        const response = await fetch(base + path, init)
        return response.ok ? Buffer.from(await response.arrayBuffer()) : await failed(response)
      }
      exchange().then(
        (answer) => {
          clearTimeout(timer)
          resume(answer instanceof ThingsBoardError ? Effect.fail(answer) : Effect.succeed(answer))
        },
        (error: unknown) => {
          clearTimeout(timer)
          resume(Effect.fail(new ThingsBoardError({ reason: overdue ? new Timeout() : new Unavailable({ why: whyOf(error) }) })))
        }
      )
      return Effect.sync(() => {
        clearTimeout(timer)
        controller.abort()
      })
    })

  const spanned = (call: Call, resends: number, remaining: number) => {
    const template = templateOf(call.path)
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
        Effect.onExit(attempt(call, traceparentOf(span), remaining), (exit) =>
          Effect.sync(() => {
            if (exit._tag === "Success") return span.attribute("http.response.status_code", 200)
            const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
            if (error?.status !== undefined) span.attribute("http.response.status_code", error.status)
            if (error !== undefined) span.attribute("error.type", error.reason._tag)
          })
        )
    )
  }

  const once = (fiber: Fiber.Fiber<unknown, unknown>, call: Call, resends: number, remaining: number) =>
    isTraced(fiber) ? spanned(call, resends, remaining) : attempt(call, fiber.cache.span && traceparentOf(fiber.cache.span), remaining)

  const again = Effect.fnUntraced(function* (call: Call, startedAt: number, failure: ThingsBoardError) {
    let last = failure
    for (let resends = 1; resends < tries && call.repeatable && isTransient(last); resends++) {
      const pause = firstPause * 4 ** (resends - 1) * (0.5 + (yield* Random.next))
      const remaining = startedAt + deadline - (yield* Clock.currentTimeMillis) - pause
      if (remaining <= 0) break
      yield* Effect.sleep(pause)
      const outcome = yield* Effect.result(Effect.withFiber((fiber) => once(fiber, call, resends, remaining)))
      if (outcome._tag === "Success") return outcome.success
      last = outcome.failure
    }
    return yield* last
  })

  return {
    send: (call) =>
      Effect.withFiber((fiber) => {
        const startedAt = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
        return Effect.catch(once(fiber, call, 0, deadline), (failure) => again(call, startedAt, failure))
      })
  }
}

/** To the ThingsBoard of the settings. All that talks to it goes through this one, so that all of it trusts the same. */
export const configured = Effect.gen(function* () {
  const { tbHost, tbTimeout } = yield* Settings
  return make(tbHost, tbTimeout, yield* TrustedCa)
})

const traceparentOf = ({ sampled, spanId, traceId }: Tracer.AnySpan) => `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`

/** Few distinct names, and none that tells an entity. */
const templateOf = (path: string) => path.replace(/\?.*$/s, "").replace(/[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}/g, "{id}")
