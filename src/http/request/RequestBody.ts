/** Bodies that are read as they came, because parsing would lose digits, or because they have no end. */
import { Duration, Effect, Schema, Stream } from "effect"
import type { HttpServerError, HttpServerRequest } from "effect/http"
import { InvalidRequest, PayloadTooLarge, RequestTimeout, Unauthenticated, UnsupportedMediaType } from "../../api/Problems.ts"
import type { SettingsShape } from "../../config/Settings.ts"
import { type Format, formats, mediaTypesOf } from "../../domain/Format.ts"
import { findExcess } from "../../json/jsonLimits.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { CurrentAuthentication } from "../CurrentAuthentication.ts"
import type { InputLimits } from "../../services/validation/values.ts"
import { failWithProblem } from "../response/problem.ts"
import * as securityEvent from "../logging/securityLog.ts"

/** What a body may be. */
export interface BodyLimits {
  readonly maxBytes: number
  /** For the whole of it; for bodies without an end, between two pieces. */
  readonly timeout: Duration.Duration
  readonly maxDepth: number
  /** Members and elements of a body that names things; uploads may have any number. */
  readonly maxParts: number
}

/** Members that a body has beside the keys and the devices that it names. */
const otherParts = 100

export const bodyLimitsOf = ({
  bodyTimeout,
  maxBodySize,
  maxDevicesPerRequest,
  maxJsonDepth,
  maxKeysPerRequest
}: SettingsShape): BodyLimits => ({
  maxBytes: maxBodySize,
  timeout: bodyTimeout,
  maxDepth: maxJsonDepth,
  maxParts: maxKeysPerRequest + maxDevicesPerRequest + otherParts
})

/** The limits of uploads and attribute writes, which services apply while they read the body. */
export const inputLimitsOf = ({ maxDevicesPerRequest, maxJsonDepth, maxKeysPerRequest }: SettingsShape): InputLimits => ({
  maxDepth: maxJsonDepth,
  maxKeys: maxKeysPerRequest,
  maxDevices: maxDevicesPerRequest
})

const mediaType = (request: HttpServerRequest.HttpServerRequest) =>
  (request.headers["content-type"] ?? "application/json").split(";", 1)[0]!.trim().toLowerCase()

export type BodyKind = "json" | "csv" | "ndjson"

const formatOfKind = { json: "json", csv: "csv", ndjson: "jsonl" } as const satisfies Record<BodyKind, Format>
const kinds: ReadonlyArray<BodyKind> = ["json", "csv", "ndjson"]

const byMediaType: ReadonlyMap<string, BodyKind> = new Map([
  ...kinds.flatMap((kind) => mediaTypesOf(formatOfKind[kind]).map((type) => [type, kind] as const)),
  ["application/csv", "csv"]
])

/** What the body is, by its Content-Type; a body without one is taken for JSON. */
export const requireBodyKind = <const K extends BodyKind>(
  request: HttpServerRequest.HttpServerRequest,
  taken: ReadonlyArray<K>
): Effect.Effect<K, UnsupportedMediaType> => {
  const type = mediaType(request)
  const kind = byMediaType.get(type) ?? (type.endsWith("+json") ? "json" : undefined)
  if (kind !== undefined && (taken as ReadonlyArray<BodyKind>).includes(kind)) return Effect.succeed(kind as K)
  const accepted = taken.map((one) => formats[formatOfKind[one]].mediaType)
  return failWithProblem(
    `This path takes a body of ${accepted.join(", ")}.`,
    (common) => new UnsupportedMediaType({ ...common, details: { accepted } })
  )
}

const tooLarge = (most: number) =>
  failWithProblem(
    `The body is larger than ${most} bytes (MAX_BODY_SIZE).`,
    (common) => new PayloadTooLarge({ ...common, details: { max_bytes: most } })
  )

const unreadable = failWithProblem("The body could not be read to its end.", (common) => {
  return new InvalidRequest({ ...common, details: { errors: [{ field: "body", issue: "Expected a whole body of UTF-8 text" }] } })
})

const tooDeep = (most: number) =>
  failWithProblem("The body is nested too deep.", (common) => {
    const issue = `Expected JSON of at most ${most} levels (MAX_JSON_DEPTH)`
    return new InvalidRequest({ ...common, details: { errors: [{ field: "body", issue }] } })
  })

/** Refused before a fault is found in each of a million things. */
const tooManyParts = failWithProblem("The body names more than one request may.", (common) => {
  const issue = "Expected fewer keys and devices (MAX_KEYS_PER_REQUEST, MAX_DEVICES_PER_REQUEST)"
  return new InvalidRequest({ ...common, details: { errors: [{ field: "body", issue }] } })
})

/** What is still to come of the body is not waited for: the connection closes. */
const tooSlow = (said: string, timeout: Duration.Duration): Effect.Effect<never, RequestTimeout> =>
  Effect.withFiber((fiber) => {
    fiber.getRef(CurrentExchange)?.closeAfterResponse()
    return failWithProblem(said, (common) => new RequestTimeout({ ...common, details: { timeout_ms: Duration.toMillis(timeout) } }))
  })

const keyEnded = (said: string): Effect.Effect<never, Unauthenticated> =>
  Effect.withFiber((fiber) => {
    fiber.getRef(CurrentExchange)?.closeAfterResponse()
    return Effect.andThen(
      securityEvent.logKeyExpired,
      failWithProblem(said, (common) => new Unauthenticated({ ...common, details: {} }))
    )
  })

const seconds = (timeout: Duration.Duration) => `${Duration.toSeconds(timeout)} s (BODY_TIMEOUT)`

/** Bun itself breaks off what brings less than some 20 KiB a second for a minute: here our own time counts. */
const withoutIdleTimeout = <A, E, R>(reading: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const exchange = fiber.getRef(CurrentExchange)
    if (exchange === undefined) return reading
    exchange.disableIdleTimeout()
    return Effect.ensuring(
      reading,
      Effect.sync(() => exchange.restoreIdleTimeout())
    )
  })

/** Below it our own time is always over first. */
const longForBun = Duration.seconds(50)

const inTime = <A, E, R>(reading: Effect.Effect<A, E, R>, timeout: Duration.Duration): Effect.Effect<A, E | RequestTimeout, R> =>
  Effect.timeoutOrElse(Duration.isGreaterThan(timeout, longForBun) ? withoutIdleTimeout(reading) : reading, {
    duration: timeout,
    orElse: () => tooSlow(`The body did not arrive within ${seconds(timeout)}.`, timeout)
  })

const sendAgain = "What came before may be stored: it can be sent again, which stores nothing twice."

/** A body without an end, as it comes: until nothing came for too long, or the key ends that it is sent with. */
export const streamBody = <A, E>(
  request: HttpServerRequest.HttpServerRequest,
  { timeout }: BodyLimits,
  use: (body: Stream.Stream<Uint8Array, HttpServerError.HttpServerError | Unreadable>) => Effect.Effect<A, E>
): Effect.Effect<A, E | RequestTimeout | Unauthenticated> =>
  Effect.withFiber((fiber) => {
    const authentication = fiber.getRef(CurrentAuthentication)
    let refusal: Effect.Effect<never, RequestTimeout | Unauthenticated> | undefined
    const ended = () => {
      refusal = keyEnded(`The key ended while the body was read. ${sendAgain}`)
      return Effect.fail(new Unreadable())
    }
    const body = request.stream.pipe(
      Stream.timeoutOrElse({
        duration: timeout,
        orElse: () => {
          refusal = tooSlow(`Nothing more of the body came for ${seconds(timeout)}. ${sendAgain}`, timeout)
          return Stream.fail(new Unreadable())
        }
      }),
      Stream.tap(() => (authentication?.isStillAuthorized() === false ? ended() : Effect.void))
    )
    return Effect.catch(withoutIdleTimeout(use(body)), (error): Effect.Effect<never, E | RequestTimeout | Unauthenticated> => {
      return refusal ?? Effect.fail(error)
    })
  })

const decoder = new TextDecoder("utf-8", { fatal: true })

class TooMuch extends Schema.TaggedError<TooMuch>()("TooMuch", {}) {}
class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", {}) {}

const textOf = (bytes: Uint8Array, maxDepth: number, maxParts?: number) => {
  const excess = findExcess(bytes, maxDepth, maxParts)
  if (excess === "levels") return tooDeep(maxDepth)
  if (excess === "parts") return tooManyParts
  return Effect.try({ try: () => decoder.decode(bytes), catch: () => new Unreadable() }).pipe(Effect.catch(() => unreadable))
}

const bytesOf = Effect.fnUntraced(function* (body: Stream.Stream<Uint8Array, unknown>, most: number) {
  const parts: Array<Uint8Array> = []
  let size = 0
  yield* body.pipe(
    Stream.mapError(() => new Unreadable()),
    Stream.runForEach((part) => {
      parts.push(part)
      size += part.length
      return size > most ? Effect.fail(new TooMuch()) : Effect.void
    })
  )
  return Buffer.concat(parts)
})

export type BodyProblem = InvalidRequest | PayloadTooLarge | RequestTimeout

/** The whole body of JSON as text, within the bounds. */
export const readText = (request: HttpServerRequest.HttpServerRequest, bounds: BodyLimits): Effect.Effect<string, BodyProblem> =>
  Number(request.headers["content-length"] ?? 0) > bounds.maxBytes
    ? tooLarge(bounds.maxBytes)
    : inTime(bytesOf(request.stream, bounds.maxBytes), bounds.timeout).pipe(
        Effect.catchTags({ TooMuch: () => tooLarge(bounds.maxBytes), Unreadable: () => unreadable }),
        Effect.flatMap((bytes) => textOf(bytes, bounds.maxDepth))
      )

const isTooLarge = ({ reason }: HttpServerError.HttpServerError) => reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"

/** Waits for a body that the framework is going to decode: it keeps what was read. */
export const awaitBody = (request: HttpServerRequest.HttpServerRequest, bounds: BodyLimits): Effect.Effect<unknown, BodyProblem> =>
  inTime(request.arrayBuffer, bounds.timeout).pipe(
    Effect.catchTag("HttpServerError", (error): Effect.Effect<never, InvalidRequest | PayloadTooLarge> =>
      isTooLarge(error) ? tooLarge(bounds.maxBytes) : unreadable
    ),
    Effect.flatMap((buffer) => textOf(new Uint8Array(buffer), bounds.maxDepth, bounds.maxParts))
  )

/** Whether the framework takes the body for JSON: also without a type, and in capital letters. */
export const isJson = (request: HttpServerRequest.HttpServerRequest) => mediaType(request).includes("json")
