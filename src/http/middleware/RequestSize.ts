import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { HeadersTooLarge, InvalidRequest, type Problem, UnsupportedMediaType, UriTooLong } from "../../api/Problems.ts"
import { Settings, type SettingsShape } from "../../config/Settings.ts"
import { CurrentExchange, type Exchange } from "../../platform/Exchange.ts"
import { failWithProblem } from "../response/problem.ts"
import { pathStart } from "../logging/redactedPath.ts"
import { logRepeatedLength } from "../logging/securityLog.ts"

const failUriTooLong = (maxLength: number) =>
  failWithProblem(`Path and query are longer than ${maxLength} characters (MAX_URL_LENGTH).`, (common) => {
    return new UriTooLong({ ...common, details: { max_length: maxLength } })
  })

const failHeadersTooLarge = (maxBytes: number) =>
  failWithProblem(`The headers are larger than ${maxBytes} bytes (MAX_HEADER_SIZE).`, (common) => {
    return new HeadersTooLarge({ ...common, details: { max_bytes: maxBytes } })
  })

/** Decompression would need a limit of its own; without it the body would fail later with a confusing error. */
const failCompressed = failWithProblem(
  "Compressed bodies are not supported: send this one without Content-Encoding.",
  (common) => new UnsupportedMediaType({ ...common, details: { accepted: ["identity"] } })
)

const failRepeatedLength = Effect.andThen(
  logRepeatedLength,
  failWithProblem(
    "The request has more than one Content-Length.",
    (common) => new InvalidRequest({ ...common, details: { errors: [{ field: "header.content-length", issue: "Expected one length" }] } })
  )
)

/** Bun rejects different lengths, but joins equal ones with commas and reads the body. A proxy could read the request in another way. */
const isLengthRepeated = (headers: Headers) => headers.get("content-length")?.includes(",") === true

/** Bytes as sent, with the colon, the blank and the line break of each header. */
const sizeOf = (headers: Headers): number => {
  let size = 0
  headers.forEach((value, name) => {
    size += name.length + value.length + 4
  })
  return size
}

/** Characters after `http://host`. */
const pathLength = (url: string) => url.length - pathStart(url)

const isCompressed = (headers: Headers) => {
  const encoding = headers.get("content-encoding")
  return encoding !== null && encoding.toLowerCase() !== "identity"
}

/** The problem of a request that is too large, or whose size is not clear; undefined for all others. */
export const makeSizeCheck =
  ({ maxHeaderSize, maxUrlLength }: Pick<SettingsShape, "maxHeaderSize" | "maxUrlLength">) =>
  (exchange: Exchange): Effect.Effect<never, Problem> | undefined => {
    const { request } = exchange
    if (pathLength(request.url) > maxUrlLength) return failUriTooLong(maxUrlLength)
    if (sizeOf(request.headers) > maxHeaderSize) return failHeadersTooLarge(maxHeaderSize)
    if (isLengthRepeated(request.headers)) {
      exchange.closeAfterResponse()
      return failRepeatedLength
    }
    return isCompressed(request.headers) ? failCompressed : undefined
  }

/**
 * Rejects requests whose URL is too long, whose headers are too large, whose length is given twice or whose body is compressed, before
 * anything else is checked.
 */
export const RequestSizeLayer = Layer.unwrap(
  Effect.map(Settings, (settings) => {
    const check = makeSizeCheck(settings)
    return HttpRouter.middleware(
      (handled) =>
        Effect.withFiber((fiber): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled> => {
          const exchange = fiber.getRef(CurrentExchange)
          const problem = exchange === undefined ? undefined : check(exchange)
          return problem === undefined ? handled : Effect.flatMap(Effect.flip(problem), HttpServerRespondable.toResponse)
        }),
      { global: true }
    )
  })
)
