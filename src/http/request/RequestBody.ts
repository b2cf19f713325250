/** Reads request bodies: as JSON text, because parsing would lose digits, or as a stream of rows of any length. */
import { Duration, Effect, Schema, Stream } from "effect"
import type { HttpServerError, HttpServerRequest } from "effect/http"
import type { InvalidRequest, Overloaded, PayloadTooLarge, RequestTimeout } from "../../api/Problems.ts"
import type { SettingsShape } from "../../config/Settings.ts"
import { largeBody } from "../../json/JsonReader.ts"
import { findExcessInSteps } from "../../json/jsonLimits.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import type { EventLoop } from "../../platform/EventLoop.ts"
import { isUtf8 } from "../../platform/utf8.ts"
import { never } from "../../domain/Steps.ts"
import type { InputLimits } from "../../services/validation/values.ts"
import { failNoMemory, failTimedOut, failTooDeep, failTooLarge, failTooManyParts, failUnreadable, formatTimeout } from "./bodyFailures.ts"
import { type AuthorizationEnded, requireAuthorized, untilUnauthorized } from "./authorizationEnd.ts"
import { headerOf } from "./header.ts"

type Request = HttpServerRequest.HttpServerRequest

export interface BodyLimits {
  readonly maxBytes: number
  /** Limits the time until a whole body has arrived; for a stream of rows, the time between two chunks. */
  readonly timeout: Duration.Duration
  readonly maxDepth: number
  /** Fields and elements of a JSON body that names keys and devices. Uploads may have any number. */
  readonly maxParts: number
  /** Where large bodies are checked in steps. */
  readonly eventLoop: EventLoop["Service"]
}

/** Fields that a body may have beside the keys and devices that it names. */
const maxOtherParts = 100

export const bodyLimitsOf = (
  { bodyTimeout, maxBodySize, maxDevicesPerRequest, maxJsonDepth, maxKeysPerRequest }: SettingsShape,
  eventLoop: EventLoop["Service"]
): BodyLimits => ({
  eventLoop,
  maxBytes: maxBodySize,
  timeout: bodyTimeout,
  maxDepth: maxJsonDepth,
  maxParts: maxKeysPerRequest + maxDevicesPerRequest + maxOtherParts
})

/** The limits of uploads and attribute writes, which services apply while they read the body. */
export const inputLimitsOf = ({ maxDevicesPerRequest, maxJsonDepth, maxKeysPerRequest }: SettingsShape): InputLimits => ({
  maxDepth: maxJsonDepth,
  maxKeys: maxKeysPerRequest,
  maxDevices: maxDevicesPerRequest
})

/** A body of small points becomes several times its size while it is read: an object per point, and the text that is sent on. */
const readingFactor = 3

/** Reserves what the reading of a whole body needs. One that is too large for that needs all that one key can have. */
const reserveForReading = (bytes: Uint8Array): Effect.Effect<void, NoMemory> =>
  Effect.withFiber((fiber) => {
    if (bytes.length <= maxUncountedBytes) return Effect.void
    const max = fiber.getRef(CurrentExchange)?.reservationFor("bodies")?.maxBytes ?? Number.POSITIVE_INFINITY
    return reserve(Math.min(readingFactor * bytes.length, max))
  })

/** Bun cuts off a body that brings less than some 20 KiB per second for a minute. Here BODY_TIMEOUT alone decides. */
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

/** A body of any length takes as long as it takes; each call to ThingsBoard is limited by TB_TIMEOUT. */
const withoutTimeLimit = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const exchange = fiber.getRef(CurrentExchange)
    exchange?.removeTimeLimit()
    return work
  })

/** Up to here BODY_TIMEOUT always fires before Bun's own timeout, so that need not be disabled. */
const maxWithinIdleTimeout = Duration.seconds(50)

/** The time of a request begins when its body has arrived. */
const restartTime = Effect.withFiber((fiber) => {
  fiber.getRef(CurrentExchange)?.restartTime()
  return Effect.void
})

const withTimeout = <A, E, R>(reading: Effect.Effect<A, E, R>, timeout: Duration.Duration): Effect.Effect<A, E | RequestTimeout, R> =>
  Effect.timeoutOrElse(Duration.isGreaterThan(timeout, maxWithinIdleTimeout) ? withoutIdleTimeout(reading) : reading, {
    duration: timeout,
    orElse: () => failTimedOut(`The body did not arrive within ${formatTimeout(timeout)}.`, timeout)
  }).pipe(Effect.tap(restartTime))

const sendAgain = "Rows that arrived before may be stored. Send the body again: nothing is stored twice."

const countReceived = (bytes: number): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    fiber.getRef(CurrentExchange)?.onReceived?.(bytes)
    return Effect.void
  })

/** Passes a body of any length to `use` as it arrives. Fails when no data arrives for too long, or when the key loses its rights meanwhile. */
export const streamBody = <A, E>(
  request: Request,
  { timeout }: BodyLimits,
  use: (body: Stream.Stream<Uint8Array, HttpServerError.HttpServerError | Unreadable>) => Effect.Effect<A, E>
): Effect.Effect<A, E | RequestTimeout | AuthorizationEnded> =>
  Effect.suspend(() => {
    // `use` may turn errors of the body into its own, so the reason is kept here.
    let reason: Effect.Effect<never, RequestTimeout | AuthorizationEnded> | undefined
    const body = request.stream.pipe(
      Stream.timeoutOrElse({
        duration: timeout,
        orElse: () => {
          reason = failTimedOut(`No more of the body arrived for ${formatTimeout(timeout)}. ${sendAgain}`, timeout)
          return Stream.fail(new Unreadable())
        }
      }),
      Stream.tap(({ length }) =>
        Effect.mapError(Effect.andThen(countReceived(length), requireAuthorized), (end) => {
          reason = Effect.fail(end)
          return new Unreadable()
        })
      )
    )
    return Effect.catch(
      withoutIdleTimeout(withoutTimeLimit(use(body))),
      (error): Effect.Effect<never, E | RequestTimeout | AuthorizationEnded> => reason ?? Effect.fail(error)
    )
  })

class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", {}) {}
class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", {}) {}

const byteOrderMark = Buffer.from("\uFEFF")

/** Checks the nesting and the encoding, in steps if the body is large. Returns the bytes without a byte order mark. */
const checkText = (bytes: Uint8Array, { eventLoop, maxDepth }: BodyLimits, maxParts = Number.POSITIVE_INFINITY) => {
  const isTurnOver = bytes.length < largeBody ? never : eventLoop.isTurnOver
  return Effect.flatMap(
    eventLoop.run(() => findExcessInSteps(bytes, maxDepth, maxParts, isTurnOver)),
    (excess): Effect.Effect<Uint8Array, InvalidRequest> => {
      if (excess === "levels") return failTooDeep(maxDepth)
      if (excess === "parts") return failTooManyParts
      if (!isUtf8(bytes)) return failUnreadable
      return Effect.succeed(byteOrderMark.every((byte, i) => bytes[i] === byte) ? bytes.subarray(byteOrderMark.length) : bytes)
    }
  )
}

/** Smaller bodies are not counted: there are many of them, and requests in flight are limited anyway. */
const maxUncountedBytes = 64 * 1024

class NoMemory extends Schema.TaggedError<NoMemory>()("NoMemory", {}) {}

/** Reserves memory for a body of which this much has arrived. Waits a few seconds if there is none; meanwhile the client cannot send more. */
const reserve = (size: number): Effect.Effect<void, NoMemory> =>
  Effect.withFiber((fiber) => {
    const reservation = fiber.getRef(CurrentExchange)?.reservationFor("bodies")
    if (reservation === undefined || reservation.tryReserve(size - reservation.bytes)) return Effect.void
    return Effect.flatMap(
      Effect.promise(async (signal) => reservation.reserve(size - reservation.bytes, signal)),
      (isReserved) => (isReserved ? Effect.void : Effect.fail(new NoMemory()))
    )
  })

const readBytes = Effect.fnUntraced(function* <E>(body: Stream.Stream<Uint8Array, E>, maxBytes: number) {
  const chunks: Array<Uint8Array> = []
  let size = 0
  yield* body.pipe(
    Stream.mapError(() => new Unreadable()),
    Stream.runForEach((chunk): Effect.Effect<void, NoMemory | TooLarge> => {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxBytes) return Effect.fail(new TooLarge())
      const counted = countReceived(chunk.length)
      return size > maxUncountedBytes ? Effect.andThen(counted, reserve(size)) : counted
    })
  )
  return Buffer.concat(chunks)
})

const unreadable = Effect.fail(new Unreadable())

/** A body that has arrived by the end of this turn of the event loop; undefined if it takes longer. */
const awaitThisTurn = (body: Promise<ArrayBuffer>): Effect.Effect<ArrayBuffer | undefined, Unreadable> =>
  Effect.callback((resume) => {
    body.then(
      (buffer) => resume(Effect.succeed(buffer)),
      () => resume(unreadable)
    )
    setImmediate(() => resume(Effect.undefined))
  })

/**
 * Reads a small body of known length at once: a stream would cost more than all else that reads it. So would a limit on the time, which only
 * a body needs that does not arrive with its head.
 */
const readSmall = (
  source: globalThis.Request,
  limitTime: (
    reading: Effect.Effect<ArrayBuffer, Unreadable>
  ) => Effect.Effect<ArrayBuffer, Unreadable | RequestTimeout | AuthorizationEnded>
): Effect.Effect<Uint8Array, Unreadable | RequestTimeout | AuthorizationEnded> =>
  Effect.suspend(() => {
    const body = source.arrayBuffer()
    return Effect.flatMap(awaitThisTurn(body), (found) =>
      found === undefined ? limitTime(Effect.tryPromise({ try: () => body, catch: () => new Unreadable() })) : Effect.succeed(found)
    )
  }).pipe(
    Effect.map((buffer) => new Uint8Array(buffer)),
    Effect.tap(({ length }) => countReceived(length))
  )

/** Whether the middleware for `Idempotency-Key` reads along: it sees what passes through the stream. */
const isObserved = (request: Request) => Object.hasOwn(request, "stream")

/** Reads a whole body, for as long as it may take and the request may go on. */
const readWhole = (
  request: Request,
  { maxBytes, timeout }: BodyLimits
): Effect.Effect<Uint8Array, Unreadable | TooLarge | NoMemory | RequestTimeout | AuthorizationEnded> => {
  const limitTime = <A, E>(reading: Effect.Effect<A, E>) => untilUnauthorized(withTimeout(reading, timeout))
  return isSmall(request) && request.source instanceof globalThis.Request && !isObserved(request)
    ? readSmall(request.source, limitTime)
    : limitTime(readBytes(request.stream, maxBytes))
}

const bodyErrors = (maxBytes: number) => ({
  TooLarge: () => failTooLarge(maxBytes),
  Unreadable: () => failUnreadable,
  NoMemory: () => failNoMemory
})

/** Passes a body to `onChunk` and keeps nothing of it. Returns false, without reading the rest, if it is longer than `maxBytes`. */
export const discardBody = (
  request: Request,
  limits: BodyLimits,
  maxBytes: number,
  onChunk: (chunk: Uint8Array) => void
): Effect.Effect<boolean, InvalidRequest | RequestTimeout | AuthorizationEnded> =>
  streamBody(request, limits, (body) => {
    let size = 0
    return body.pipe(
      Stream.mapError(() => new Unreadable()),
      Stream.runForEach((chunk): Effect.Effect<void, TooLarge> => {
        size += chunk.length
        if (size > maxBytes) return Effect.fail(new TooLarge())
        onChunk(chunk)
        return Effect.void
      }),
      Effect.as(true),
      Effect.catchTags({ TooLarge: () => Effect.succeed(false), Unreadable: () => failUnreadable })
    )
  })

export type BodyProblem = InvalidRequest | Overloaded | PayloadTooLarge | RequestTimeout

/** In bytes; NaN if it is not known. */
const contentLengthOf = (request: Request) => Number(headerOf(request, "content-length") ?? Number.NaN)

/** Whether the body is large, or may be because its length is not known. One that is rejected by its length alone does not count. */
export const mayBeLarge = (request: Request, { maxBytes }: BodyLimits): boolean => {
  const length = contentLengthOf(request)
  return !(length < largeBody || length > maxBytes)
}

/** Reads a whole JSON body, as bytes of UTF-8. Fails if the key loses its rights before it has arrived. */
export const readText = (request: Request, limits: BodyLimits): Effect.Effect<Uint8Array, BodyProblem | AuthorizationEnded> => {
  const { maxBytes } = limits
  return contentLengthOf(request) > maxBytes
    ? failTooLarge(maxBytes)
    : readWhole(request, limits).pipe(
        Effect.tap(reserveForReading),
        Effect.catchTags(bodyErrors(maxBytes)),
        Effect.tap(requireAuthorized),
        Effect.flatMap((bytes) => checkText(bytes, limits))
      )
}

const isTooLarge = ({ reason }: HttpServerError.HttpServerError) => reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"

/** Reads a body as it arrives, and leaves it to the framework, which would count no memory. */
const readForFramework = (request: Request, { maxBytes, timeout }: BodyLimits): Effect.Effect<ArrayBuffer, BodyProblem> =>
  withTimeout(readBytes(request.stream, maxBytes), timeout).pipe(
    Effect.catchTags(bodyErrors(maxBytes)),
    Effect.map(({ buffer, byteLength, byteOffset }): ArrayBuffer => {
      const bytes = buffer.byteLength === byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)
      Object.defineProperty(request, "arrayBuffer", { value: Effect.succeed(bytes) })
      return bytes
    })
  )

const readByFramework = (request: Request, { maxBytes, timeout }: BodyLimits): Effect.Effect<ArrayBuffer, BodyProblem> =>
  Effect.catchTag(
    withTimeout(request.arrayBuffer, timeout),
    "HttpServerError",
    (error): Effect.Effect<never, InvalidRequest | PayloadTooLarge> => (isTooLarge(error) ? failTooLarge(maxBytes) : failUnreadable)
  )

/** Whether the framework reads the body, or has it already: the errors of a request are looked for after it was read. */
const isReadByFramework = (request: Request) => isSmall(request) || Object.hasOwn(request, "arrayBuffer") || !hasBody(request)

const isSmall = (request: Request) => contentLengthOf(request) <= maxUncountedBytes
const hasBody = ({ source }: Request) => source instanceof globalThis.Request && source.body !== null

/**
 * Waits for a body that the framework is going to decode, and checks it. The request keeps the bytes for the framework. Fails if the key
 * has lost its rights by then.
 */
export const awaitBody = (request: Request, limits: BodyLimits): Effect.Effect<unknown, BodyProblem | AuthorizationEnded> => {
  const { eventLoop, maxBytes, maxParts } = limits
  if (contentLengthOf(request) > maxBytes) return failTooLarge(maxBytes)
  const body = isReadByFramework(request) ? readByFramework(request, limits) : readForFramework(request, limits)
  return body.pipe(
    Effect.tap(requireAuthorized),
    Effect.flatMap((buffer) => {
      const checked = checkText(new Uint8Array(buffer), limits, maxParts)
      // Decoding cannot be divided into steps, so that of a large body gets a turn of its own.
      return buffer.byteLength < largeBody ? checked : Effect.andThen(checked, eventLoop.nextTurn)
    })
  )
}
