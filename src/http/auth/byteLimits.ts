/**
 * Limits the bytes that a key reads and writes per window. Bytes are counted as they are sent and received, so a request can exceed the
 * limit; the requests after it wait until the bucket has been refilled from below zero.
 */
import { Context, Duration, Effect, type Scope, Stream, type Types } from "effect"
import { HttpBody, HttpServerResponse } from "effect/http"
import type { Caller } from "../../api/middleware/Authentication.ts"
import type { RateLimited } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { lengthOf } from "../../platform/BunHttpServer.ts"
import { CurrentExchange, type Exchange } from "../../platform/Exchange.ts"
import { type Bucket, RateLimits, type RateLimitStatus } from "../../ratelimit/RateLimits.ts"
import { failTooManyRequests } from "./rateLimiting.ts"

type Handler = Effect.Effect<HttpServerResponse.HttpServerResponse, RateLimited | Types.unhandled, Scope.Scope>

/** Buckets count KiB: with single bytes, the times between two tokens would be too short to be exact. */
const unit = 1024

/** Bytes after which a request that is not over is counted. */
const chargeEvery = 4 * 1024 * 1024

type Direction = "read" | "write"

const directionOf = (scope: KeyScope | undefined): Direction | undefined => {
  if (scope === undefined) return undefined
  return scope.endsWith(":write") ? "write" : "read"
}

const limitKinds = { read: "read_bytes", write: "write_bytes" } as const

/** Adds the limit to the headers of the IETF draft. Its quota unit is bytes. */
const report = ({ headers }: Exchange, direction: Direction, { limit, remaining, resetSeconds, windowSeconds }: RateLimitStatus) => {
  const name = limitKinds[direction]
  headers["ratelimit"] = `${headers["ratelimit"] ?? ""}, "${name}";r=${remaining * unit};t=${resetSeconds}`
  headers["ratelimit-policy"] =
    `${headers["ratelimit-policy"] ?? ""}, "${name}";q=${limit * unit};qu="content-bytes";w=${Math.ceil(windowSeconds)}`
}

/** Counts the bytes of one request. */
class ByteCounter {
  private pending = 0

  constructor(private readonly charge: (bytes: number) => Effect.Effect<unknown>) {}

  /** Returns what has to be charged before more bytes follow. */
  add(bytes: number): Effect.Effect<unknown> {
    this.pending += bytes
    return this.pending < chargeEvery ? Effect.void : this.flush
  }

  readonly flush: Effect.Effect<unknown> = Effect.suspend(() => {
    const { pending } = this
    this.pending = 0
    return pending === 0 ? Effect.void : this.charge(pending)
  })
}

const countResponse = (response: HttpServerResponse.HttpServerResponse, counter: ByteCounter): HttpServerResponse.HttpServerResponse => {
  const { body } = response
  if (body._tag !== "Stream") return response
  const stream = body.stream.pipe(
    Stream.tap((chunk) => counter.add(chunk.length)),
    Stream.onExit(() => counter.flush)
  )
  return HttpServerResponse.setBody(response, HttpBody.stream(stream, body.contentType, body.contentLength))
}

/** Limits a request of a key to its limits on bytes; undefined if there are none for it. */
export const makeByteLimits = Effect.gen(function* () {
  const limits = yield* RateLimits
  const { rateLimit, rateLimitReadBytes, rateLimitWriteBytes } = yield* Settings
  const common = { read: rateLimitReadBytes, write: rateLimitWriteBytes, windowMillis: Duration.toMillis(rateLimit.window) }

  const bucketOf = ({ id, rateLimit: own }: Caller, direction: Direction): Bucket | undefined => {
    const ownBytes = direction === "read" ? own?.readBytes : own?.writeBytes
    const bytes = ownBytes ?? common[direction]
    if (bytes === undefined) return undefined
    const windowMillis = ownBytes === undefined ? common.windowMillis : own!.windowMillis
    return { name: `key:${id}:${direction}`, limit: Math.max(1, Math.floor(bytes / unit)), windowMillis }
  }

  return (caller: Caller, scope: KeyScope | undefined, handler: Handler): Handler => {
    const direction = directionOf(scope)
    const bucket = direction === undefined ? undefined : bucketOf(caller, direction)
    if (bucket === undefined || direction === undefined) return handler
    return Effect.withFiber((fiber): Handler => {
      const exchange = fiber.getRef(CurrentExchange)
      const counter = new ByteCounter((bytes) => limits.charge(bucket, Math.ceil(bytes / unit)))
      const run = Effect.suspend(() => {
        if (direction === "write" && exchange !== undefined) {
          // Whoever reads the body runs no Effect of this middleware, so parts of a long body are counted on the side.
          const context = fiber.context as Context.Context<never>
          exchange.onReceived = (bytes) => void Effect.runForkWith(context)(counter.add(bytes))
        }
        return Effect.onExit(handler, (exit) => {
          if (exit._tag !== "Success" || direction === "write") return counter.flush
          const length = lengthOf(exit.value.body)
          return length === undefined ? Effect.void : Effect.andThen(counter.add(length), counter.flush)
        })
      })
      return Effect.flatMap(limits.peek(bucket), (status) => {
        if (exchange !== undefined) report(exchange, direction, status)
        if (!status.exceeded) return direction === "read" ? Effect.map(run, (response) => countResponse(response, counter)) : run
        return failTooManyRequests(
          `This key has ${direction === "read" ? "read" : "written"} too many bytes: try again in ${status.resetSeconds} s.`,
          status.resetSeconds,
          limitKinds[direction],
          caller.id
        )
      })
    })
  }
})
