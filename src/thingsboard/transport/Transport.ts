/**
 * HTTP calls to ThingsBoard, with a deadline over all attempts. Failed attempts are repeated when that is safe, within a budget; each one is
 * a span when somebody records spans.
 */
import { Clock, Context, Duration, Effect, type Fiber, Layer, Random, Tracer } from "effect"
import { Settings } from "../../config/Settings.ts"
import { uuidPattern } from "../../domain/Ids.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import type { Proxy } from "../../platform/ClientSocket.ts"
import { isTraced } from "../../platform/tracing.ts"
import { afterMillis } from "../../platform/sharedTimer.ts"
import { currentMonotonicMillis, monotonicMillis } from "../../platform/monotonicTime.ts"
import { askedPauseOf, mayResend } from "../errors/failures.ts"
import { ThingsBoardError, Timeout } from "../errors/ThingsBoardError.ts"
import { Attempts } from "./attempt.ts"
import type { AttemptTime, Call } from "./Call.ts"
import { makeCallPauses } from "./callPauses.ts"
import { CallLimits } from "./CallLimits.ts"
import type { CircuitBreaker } from "./CircuitBreaker.ts"
import { recordCounts, type TransportCounts } from "./metrics.ts"
import { RetryBudget } from "./RetryBudget.ts"
import { UserPauses } from "./UserPauses.ts"
import { TrustedCa } from "./TrustedCa.ts"

export interface TransportShape {
  /** The body of a 2xx response, up to where the call's meter ended it. Every other response is an error. */
  readonly send: (call: Call) => Effect.Effect<Buffer<ArrayBuffer>, ThingsBoardError>
}

/** Longer timers fire at once. */
const maxTimerMillis = 2 ** 31 - 1

const maxAttempts = 4
/** Ms. Each pause is four times as long as the one before, with a random factor between 0.5 and 1.5. */
const firstPause = 25

/** Ms. The client waits for a longer pause itself: the response has it as `Retry-After`. */
const maxAskedPause = 2000

export interface TransportOptions {
  readonly host: string
  /** Of a call, with all of its attempts. */
  readonly timeout: Duration.Duration
  /** Certificates (PEM) of the trusted authorities; the public ones by default. */
  readonly authorities?: string | undefined
  readonly proxy?: Proxy | undefined
  /** Of one response. No limit by default. */
  readonly maxBytes?: number
  /** Calls in flight, and waiting. No limit by default. */
  readonly limits?: CallLimits
  /** None by default. */
  readonly breaker?: CircuitBreaker | undefined
  /** After 429. */
  readonly pauses?: UserPauses
}

/** The ends of the times of a call and of its request, in ms of the monotonic clock. */
interface Deadlines {
  readonly ofCall: number
  /** Infinite without a limit. */
  readonly ofRequest: number
}

/** Whether a call that got 429 is sent again after the pause of its user: not logins and probes, which do not wait. */
const waitsForUser = ({ share, user }: Call, pause: number, { ofCall, ofRequest }: AttemptTime) =>
  user !== undefined && share !== "session" && pause < ofCall && pause < ofRequest

const timeLeft = ({ ofCall, ofRequest }: Deadlines, at: number): AttemptTime => ({ ofCall: ofCall - at, ofRequest: ofRequest - at })

/** `close` closes all connections. */
export const make = ({
  authorities,
  breaker,
  host,
  limits = new CallLimits(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  maxBytes = Number.POSITIVE_INFINITY,
  pauses = new UserPauses({ now: () => performance.now(), schedule: afterMillis }),
  proxy,
  timeout
}: TransportOptions): TransportShape & { readonly close: () => void } => {
  const { hostname, port } = new URL(host)
  const budget = new RetryBudget()
  const deadline = Math.min(Duration.toMillis(timeout), maxTimerMillis)
  const attempts = new Attempts({ host, authorities, proxy, maxBytes, limits, pauses, breaker })

  const attemptWithSpan = (call: Call, resends: number, time: AttemptTime, fiber: Fiber.Fiber<unknown, unknown>) => {
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
        Effect.onExit(attempts.make(call, traceparentOf(span), time, fiber), (exit) =>
          Effect.sync(() => {
            if (exit._tag === "Success") return span.attribute("http.response.status_code", 200)
            const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
            if (error?.status !== undefined) span.attribute("http.response.status_code", error.status)
            if (error !== undefined) span.attribute("error.type", error.reason._tag)
          })
        )
    )
  }

  const attemptOnce = (fiber: Fiber.Fiber<unknown, unknown>, call: Call, resends: number, time: AttemptTime) =>
    isTraced(fiber)
      ? attemptWithSpan(call, resends, time, fiber)
      : attempts.make(call, fiber.cache.span && traceparentOf(fiber.cache.span), time, fiber)

  /**
   * Not `Effect.retry`: the jitter decides whether a pause still fits before the deadline, and each attempt needs the remaining time and
   * the number of resends. A schedule around the first attempt would also cost every call that succeeds.
   */
  const resend = Effect.fnUntraced(function* (call: Call, deadlines: Deadlines, failure: ThingsBoardError) {
    let last = failure
    for (let resends = 1; resends < maxAttempts && mayResend(last, call.repeatable); resends++) {
      const now = yield* currentMonotonicMillis
      const isLimited = last.reason._tag === "RateLimited"
      const asked = askedPauseOf(last) ?? 0
      // After a 429 it waits in the queue of its user.
      if (isLimited ? !waitsForUser(call, asked, timeLeft(deadlines, now)) : asked > maxAskedPause) break
      if (!budget.tryResend(now)) break
      const pause = isLimited ? 0 : Math.max(asked, firstPause * 4 ** (resends - 1) * (0.5 + (yield* Random.next)))
      const time = timeLeft(deadlines, now + pause)
      if (time.ofCall <= 0 || time.ofRequest <= 0) break
      if (pause > 0) yield* Effect.sleep(pause)
      const outcome = yield* Effect.result(Effect.withFiber((fiber) => attemptOnce(fiber, call, resends, time)))
      if (outcome._tag === "Success") return outcome.success
      last = outcome.failure
    }
    return yield* last
  })

  return {
    close: () => attempts.close(),
    send: (call) =>
      Effect.withFiber((fiber) => {
        budget.recordCall()
        const now = monotonicMillis(fiber.getRef(Clock.Clock))
        // Logins and probes are not for one request alone.
        const ofRequest =
          (call.share === "session" ? undefined : fiber.getRef(CurrentExchange)?.deadlineFrom(now)) ?? Number.POSITIVE_INFINITY
        if (ofRequest <= now) return Effect.fail(new ThingsBoardError({ reason: new Timeout({ limit: "late" }) }))
        const deadlines = { ofCall: now + deadline, ofRequest }
        const first = attemptOnce(fiber, call, 0, timeLeft(deadlines, now))
        return Effect.catch(first, (failure) => resend(call, deadlines, failure))
      })
  }
}

/** The transport to TB_HOST. Every call uses this one, so that the limits and the budget are those of one ThingsBoard. */
export class Transport extends Context.Service<Transport, TransportShape & { readonly counts: () => TransportCounts }>()(
  "boardwalk/thingsboard/transport/Transport"
) {
  static readonly layer = Layer.effect(
    Transport,
    Effect.gen(function* () {
      const { tbHost, tbMaxConnections, tbMaxQueue, tbMaxResponseSize, tbProxy, tbTimeout } = yield* Settings
      const limits = new CallLimits(tbMaxConnections, tbMaxQueue)
      const authorities = yield* TrustedCa
      const { breaker, pauses } = yield* makeCallPauses
      const options = {
        host: tbHost,
        timeout: tbTimeout,
        authorities,
        proxy: tbProxy,
        maxBytes: tbMaxResponseSize,
        limits,
        pauses,
        breaker
      }
      const { send } = yield* Effect.acquireRelease(
        Effect.sync(() => make(options)),
        ({ close }) => Effect.sync(close)
      )
      const counts = () => ({ ...limits.counts, isCircuitOpen: breaker?.isOpen === true, pausedUsers: pauses.paused })
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(recordCounts(counts), Effect.sleep("1 second"))))
      return { send, counts }
    })
  )
}

const traceparentOf = ({ sampled, spanId, traceId }: Tracer.AnySpan) => `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`

const uuids = new RegExp(uuidPattern, "g")

/** The path without ids and query: few distinct span names, and none that identifies an entity. */
const toTemplate = (path: string) => path.replace(/\?.*$/s, "").replace(uuids, "{id}")
