/**
 * Only final successes are kept. A request that was rejected or that failed can be repeated with the same key: it may succeed then, and
 * what it has stored already is the same data.
 */
import { Context, Effect, type Exit, Layer, type Scope, type Types } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import { Idempotency } from "../../api/middleware/Idempotency.ts"
import {
  IdempotencyKeyReused,
  IdempotencyUnavailable,
  type InvalidRequest,
  RequestInProgress,
  type RequestTimeout
} from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { Idempotency as Responses } from "../../idempotency/Idempotency.ts"
import type { Claimed, KeptResponse, RequestName } from "../../idempotency/model.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { respondIfEnded } from "../request/authorizationEnd.ts"
import { CurrentOutcome, makeFingerprint, maxKeyLength, observeBody, parseIdempotencyKey } from "../request/idempotencyKey.ts"
import { type BodyLimits, bodyLimitsOf, discardBody } from "../request/RequestBody.ts"
import { failInvalid } from "../request/validation.ts"
import { setRetryAfter } from "../response/overloaded.ts"
import { failWithProblem } from "../response/problem.ts"

type Response = HttpServerResponse.HttpServerResponse
type Problem = IdempotencyKeyReused | IdempotencyUnavailable | InvalidRequest | RequestInProgress | RequestTimeout | Types.unhandled
type Handler = Effect.Effect<Response, Problem, HttpServerRequest.HttpServerRequest | Scope.Scope>

/** Larger responses are not kept: a repeat is carried out. Responses to writes have a few hundred bytes, and up to 100 per device. */
const maxKeptBytes = 64 * 1024

const retryAfter = 1

const failInvalidKey = failInvalid([
  {
    field: "header.idempotency-key",
    issue: `Expected a quoted string, or a word without blanks, quotes, commas and semicolons, of 1 to ${maxKeyLength} ASCII characters`
  }
])

const failRunning = Effect.andThen(
  setRetryAfter(retryAfter),
  failWithProblem(
    `A request with this Idempotency-Key is still running: send this one again in ${retryAfter} s.`,
    (common) => new RequestInProgress({ ...common, details: {}, retry_after: retryAfter })
  )
)

const failUnavailable = Effect.andThen(
  setRetryAfter(retryAfter),
  failWithProblem(
    `Idempotency keys cannot be checked at the moment: try again in ${retryAfter} s.`,
    (common) => new IdempotencyUnavailable({ ...common, details: {}, retry_after: retryAfter })
  )
)

const failReused = failWithProblem(
  "This Idempotency-Key was used for another request: use a new key for each new request.",
  (common) => new IdempotencyKeyReused({ ...common, details: {} })
)

/** Closes the connection, since the rest of the body is not read. */
const failLonger: typeof failReused = Effect.withFiber((fiber) => {
  fiber.getRef(CurrentExchange)?.closeAfterResponse()
  return failReused
})

const replay = ({ body, contentType, headers, status }: KeptResponse): Response =>
  HttpServerResponse.uint8Array(body, { status, contentType, headers: { ...headers, "idempotent-replayed": "true" } })

/** Compares the request with the first one, which takes its whole body, and responds as to the first one if they are the same. */
const repeat = (request: HttpServerRequest.HttpServerRequest, limits: BodyLimits, kept: KeptResponse): Handler =>
  Effect.suspend(() => {
    const fingerprint = makeFingerprint(request)
    return respondIfEnded(
      Effect.flatMap(discardBody(request, limits, kept.bodyBytes, fingerprint.add), (isWhole): Handler => {
        if (!isWhole) return failLonger
        return fingerprint.hex() === kept.fingerprint ? Effect.succeed(replay(kept)) : failReused
      })
    )
  })

/** Carries out the request, and keeps its response if that is final. An interruption releases the claim: it is not known what was stored. */
const carryOut = (request: HttpServerRequest.HttpServerRequest, { keep, release, renew }: Claimed, handler: Handler): Handler =>
  Effect.suspend(() => {
    const fingerprint = makeFingerprint(request)
    const isWhole = observeBody(request, fingerprint)
    const outcome = { isFinal: true }
    const settle = (exit: Exit.Exit<Response, Problem>): Effect.Effect<void> => {
      if (exit._tag === "Failure" || !outcome.isFinal || !isWhole()) return release
      const { body, headers, status } = exit.value
      if (status < 200 || status > 299 || body._tag !== "Uint8Array" || body.contentLength > maxKeptBytes) return release
      return keep({
        fingerprint: fingerprint.hex(),
        bodyBytes: fingerprint.bodyBytes(),
        status,
        headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "content-length" && name !== "content-type")),
        contentType: body.contentType,
        body: body.body
      })
    }
    return Effect.onExit(Effect.raceFirst(Effect.provideService(handler, CurrentOutcome, outcome), renew), settle)
  })

/** Inside authentication and rate limits, so that repeats are counted and nobody gets the response to the request of another key. */
export const IdempotencyLayer = Layer.effect(
  Idempotency,
  Effect.gen(function* () {
    const responses = yield* Responses
    const limits = bodyLimitsOf(yield* Settings, yield* EventLoop)
    const handleOnce = (request: HttpServerRequest.HttpServerRequest, name: RequestName, handler: Handler): Handler =>
      Effect.uninterruptibleMask((restore) =>
        Effect.matchEffect(responses.claim(name), {
          onFailure: (): Handler => failUnavailable,
          onSuccess: (claim): Handler => {
            if (claim._tag === "Running") return failRunning
            if (claim._tag === "Finished") return restore(repeat(request, limits, claim.response))
            return Effect.onInterrupt(restore(carryOut(request, claim, handler)), () => claim.release)
          }
        })
      )
    return Idempotency.of((handler: Handler, { endpoint }) => {
      const operation = `${endpoint.method} ${endpoint.path}`
      return Effect.withFiber((fiber): Handler => {
        const header = fiber.getRef(CurrentExchange)?.request.headers.get("idempotency-key") ?? undefined
        if (header === undefined) return handler
        const key = parseIdempotencyKey(header)
        if (key === undefined) return failInvalidKey
        const caller = Context.getUnsafe(fiber.context as Context.Context<CurrentCaller>, CurrentCaller).id
        return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => handleOnce(request, { caller, operation, key }, handler))
      })
    })
  })
)
