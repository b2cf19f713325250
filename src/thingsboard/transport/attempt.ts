/**
 * One attempt of a call, on one of our own connections (`http1/`). `fetch` is not used: it crosses to another thread and back for each
 * call, and it does not tell whether a request was sent before its connection broke. Redirects are not followed.
 */
import { Clock, Effect, type Fiber } from "effect"
import manifest from "../../../package.json" with { type: "json" }
import { withoutBrackets } from "../../platform/addresses.ts"
import type { Reservation } from "../../platform/ByteBudget.ts"
import { connect, type Proxy } from "../../platform/ClientSocket.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { monotonicMillis } from "../../platform/monotonicTime.ts"
import { afterMillis } from "../../platform/sharedTimer.ts"
import { CircuitOpen, RateLimited, requestTimedOut, ThingsBoardError, Timeout } from "../errors/ThingsBoardError.ts"
import { Admission } from "./Admission.ts"
import { type CircuitBreaker, type Entry, type Outcome, probeWait } from "./CircuitBreaker.ts"
import { classify } from "./classify.ts"
import type { AttemptTime, Adopter, Call } from "./Call.ts"
import type { CallLimits } from "./CallLimits.ts"
import { ConnectionPool } from "./http1/ConnectionPool.ts"
import type { Exchange, ExchangeEvents, HttpResponse } from "./http1/Exchange.ts"
import { ExchangeFailure } from "./http1/ExchangeFailure.ts"
import { readResponse, readText, takeSmall } from "./readResponse.ts"
import { outcomeOf, requireAcknowledgement, type Result, toError } from "./result.ts"
import { parseRetryAfter } from "./retryAfter.ts"
import type { UserPauses } from "./UserPauses.ts"

/** A 429 says for how long its user is paused now. */
const withPause = (result: Result, admission: Admission): Result => {
  if (!(result instanceof ThingsBoardError) || result.reason._tag !== "RateLimited") return result
  const asked = result.reason.retryAfterMs
  const retryAfterMs = Math.max(asked ?? 0, Math.ceil(admission.recordLimit(asked) ?? 0))
  const { errorCode, status } = result
  const codes = { ...(status === undefined ? {} : { status }), ...(errorCode === undefined ? {} : { errorCode }) }
  return new ThingsBoardError({ reason: new RateLimited(retryAfterMs === 0 ? {} : { retryAfterMs }), ...codes })
}

const isOk = (status: number) => status >= 200 && status < 300

const classifyFailed = async (response: HttpResponse, controller: AbortController, now: number) =>
  classify(response.status, response.fields.get("content-type") ?? "", await readText(response, controller), {
    location: response.fields.get("location"),
    retryAfterMs: parseRetryAfter(response.fields.get("retry-after"), now)
  })

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
  readonly pauses: UserPauses
  readonly breaker?: CircuitBreaker | undefined
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

  /** Takes as much time as there is. Its connection is closed when the fiber is interrupted. */
  make(
    call: Call,
    traceparent: string | undefined,
    time: AttemptTime,
    fiber: Fiber.Fiber<unknown, unknown>
  ): Effect.Effect<Buffer<ArrayBuffer>, ThingsBoardError> {
    const clock = fiber.getRef(Clock.Clock)
    // Logins and probes are rare, and say when ThingsBoard is back.
    const breaker = call.share === "session" ? undefined : this.options.breaker
    const begunAt = monotonicMillis(clock)
    const entry: Entry = breaker?.enter(begunAt) ?? "pass"
    if (typeof entry === "number") return Effect.fail(new ThingsBoardError({ reason: new CircuitOpen({ retryAfterMs: Math.ceil(entry) }) }))
    if (entry === "probe" && this.isPaused(call)) {
      // It would wait too long for a probe.
      breaker?.record("unknown", entry, begunAt)
      return Effect.fail(new ThingsBoardError({ reason: new CircuitOpen({ retryAfterMs: probeWait }) }))
    }
    return Effect.callback((resume) => {
      let exchange: Pick<Exchange, "cancel"> | undefined
      let controller: AbortController | undefined
      let isOver = false
      let adopter: Adopter | undefined
      const end = (outcome: Outcome) => {
        if (!isOver) breaker?.record(outcome, entry, monotonicMillis(clock))
        isOver = true
        cancelTimer()
        admission.leave(outcome === "ok")
      }
      /** Tells the caller, or those who have taken over. */
      const tell = (response: Buffer<ArrayBuffer> | undefined, result: Effect.Effect<Buffer<ArrayBuffer>, ThingsBoardError>) =>
        adopter === undefined ? resume(result) : call.sharing?.settle(response)
      const finish = (outcome: Result) => {
        const result = isOver ? outcome : withPause(outcome, admission)
        end(outcomeOf(result))
        if (result instanceof ThingsBoardError) tell(undefined, Effect.fail(result))
        else tell(result, Effect.succeed(result))
      }
      const fail = (failure: unknown) => {
        if (failure instanceof ExchangeFailure) return finish(toError(failure))
        end("unknown")
        tell(undefined, Effect.die(failure))
      }
      const stop = () => {
        cancel()
        end("unknown")
      }
      const cancel = () => {
        exchange?.cancel()
        controller?.abort()
      }
      /** Lets those who wait take over, unless a large response has begun to use the memory of the caller's request. */
      const handOver = () => {
        if (controller === undefined) adopter = call.sharing?.adopt(stop)
      }
      const giveUp = () => {
        // A call that waited all the time was not sent.
        finish(admission.notSent ?? new ThingsBoardError({ reason: new Timeout() }))
        cancel()
      }
      const endRequest = () => {
        handOver()
        if (adopter === undefined) {
          finish(requestTimedOut())
          return cancel()
        }
        cancelTimer = afterMillis(time.ofCall - time.ofRequest, giveUp)
        resume(Effect.fail(requestTimedOut()))
      }
      let cancelTimer = time.ofRequest < time.ofCall ? afterMillis(time.ofRequest, endRequest) : afterMillis(time.ofCall, giveUp)
      const onResponse = (response: HttpResponse) => {
        const small = isOk(response.status) && call.meter === undefined ? takeSmall(response) : undefined
        if (small !== undefined) return finish(call.isWrite === true ? requireAcknowledgement(response, small) : small)
        controller = new AbortController()
        controller.signal.addEventListener("abort", () => exchange?.cancel())
        const memory = () => (adopter ?? { exchange: fiber.getRef(CurrentExchange) }).exchange?.reservationFor("responses")
        this.read(call, response, controller, clock, memory).then(finish, fail)
      }
      const start = () => {
        try {
          exchange = this.send(call, traceparent, { onResponse, onFailure: fail })
        } catch (failure) {
          fail(failure)
        }
      }
      const { limits, pauses } = this.options
      const deadline = begunAt + Math.min(time.ofCall, time.ofRequest)
      const admission = new Admission(call, { limits, pauses, deadline, start, reject: finish })
      admission.enter()
      return Effect.sync(() => {
        handOver()
        if (adopter === undefined) stop()
      })
    })
  }

  private isPaused({ user }: Call): boolean {
    return user !== undefined && this.options.pauses.remaining(user) > 0
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
    clock: Clock.Clock,
    reservation: () => Reservation | undefined
  ): Promise<Result> {
    if (!isOk(response.status)) return classifyFailed(response, controller, clock.currentTimeMillisUnsafe())
    const result = await readResponse(response, {
      maxBytes: this.options.maxBytes,
      meter,
      controller,
      reservation
    })
    return isWrite === true ? requireAcknowledgement(response, result) : result
  }
}
