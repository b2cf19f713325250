import { Context, Effect, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import { CurrentExchange, type Exchange } from "../../platform/Exchange.ts"
import { compress, type ContentCoding } from "../../platform/compression.ts"
import type { ExportedFile } from "../../services/telemetry/ExportedFile.ts"
import { CurrentAuthentication } from "../CurrentAuthentication.ts"
import { logAuthorizationEnd, logThingsBoardFailure } from "../logging/securityLog.ts"
import { negotiateCoding } from "./contentCoding.ts"
import { attachment } from "./contentDisposition.ts"
import { logSkippedKeys, skippedKeysHeader } from "./skippedKeys.ts"

/** The other formats are compressed already. */
const compressible = /^(?:text|application)\/(?:csv|json|x-ndjson)\b/

/** The coding of the response. Caches must not give it to clients that accept another one. */
const chooseCoding = (exchange: Exchange | undefined, contentType: string): ContentCoding | undefined => {
  if (exchange === undefined || !compressible.test(contentType)) return undefined
  exchange.varyBy("Accept-Encoding")
  return negotiateCoding(exchange.request.headers.get("accept-encoding"))
}

/**
 * Streams a file. When the stream fails, or the key expires or loses rights meanwhile, the connection is reset without a last chunk, so that a truncated
 * file never looks complete. The reason goes to the log, since the response has already begun.
 */
export const fileResponse = ({ body, contentType, fileName, skippedKeys }: ExportedFile) =>
  // The stream runs after the handler has returned, without the request's context, which the log needs for the client.
  Effect.contextWith((context: Context.Context<never>) => {
    const authentication = Context.get(context, CurrentAuthentication)
    const coding = chooseCoding(Context.get(context, CurrentExchange), contentType)
    const checked = body.pipe(
      Stream.tapError((error) => Effect.provideContext(logThingsBoardFailure(error, { broken_off: fileName }), context)),
      Stream.tap(() => {
        const end = authentication?.findEnd()
        return end === undefined ? Effect.void : Effect.flatMap(Effect.provideContext(logAuthorizationEnd(end), context), Effect.fail)
      })
    )
    return Effect.as(
      logSkippedKeys(skippedKeys),
      HttpServerResponse.stream(
        // Bun would print the error with an excerpt of the source.
        Stream.mapError(coding === undefined ? checked : compress(checked, coding), () => undefined),
        {
          contentType,
          headers: {
            ...(coding === undefined ? {} : { "content-encoding": coding }),
            "content-disposition": attachment(fileName),
            ...skippedKeysHeader(skippedKeys)
          }
        }
      )
    )
  })
