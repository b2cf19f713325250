import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { HeadersTooLarge, type Problem, UnsupportedMediaType, UriTooLong } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange, type Exchange } from "../../platform/BunHttpServer.ts"
import { failWithProblem } from "../response/problem.ts"
import { pathStart } from "../logging/redactedPath.ts"

const tooLong = (most: number) =>
  failWithProblem(`Path and query are longer than ${most} characters (MAX_URL_LENGTH).`, (common) => {
    return new UriTooLong({ ...common, details: { max_length: most } })
  })

const tooLarge = (most: number) =>
  failWithProblem(`The headers are larger than ${most} bytes (MAX_HEADER_SIZE).`, (common) => {
    return new HeadersTooLarge({ ...common, details: { max_bytes: most } })
  })

/** Parsing what was packed would at best fail with a riddle, and unpacking it would need a bound of its own. */
const compressed = failWithProblem(
  "Bodies are taken as they are: send this one without Content-Encoding.",
  (common) => new UnsupportedMediaType({ ...common, details: { accepted: ["identity"] } })
)

/** Bytes as they came, with the colon, the blank and the end of each line. */
const sizeOf = (headers: Headers): number => {
  let size = 0
  headers.forEach((value, name) => {
    size += name.length + value.length + 4
  })
  return size
}

/** The bound is for what comes behind `http://host`. */
const pathLength = (url: string) => url.length - pathStart(url)

const isCompressed = (headers: Headers) => {
  const encoding = headers.get("content-encoding")
  return encoding !== null && encoding.toLowerCase() !== "identity"
}

/** Refuses what is too long or too large before anything is looked at. */
export const RequestSizeLayer = Layer.unwrap(
  Effect.map(Settings, ({ maxHeaderSize, maxUrlLength }) => {
    const refusal = ({ request }: Exchange): Effect.Effect<never, Problem> | undefined => {
      if (pathLength(request.url) > maxUrlLength) return tooLong(maxUrlLength)
      if (sizeOf(request.headers) > maxHeaderSize) return tooLarge(maxHeaderSize)
      return isCompressed(request.headers) ? compressed : undefined
    }
    return HttpRouter.middleware(
      (handled) =>
        Effect.withFiber((fiber): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled> => {
          const exchange = fiber.getRef(CurrentExchange)
          const refused = exchange === undefined ? undefined : refusal(exchange)
          return refused === undefined ? handled : Effect.flatMap(Effect.flip(refused), HttpServerRespondable.toResponse)
        }),
      { global: true }
    )
  })
)
