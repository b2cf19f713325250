import { Context, Effect, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import type { ExportedFile } from "../../services/telemetry/ExportedFile.ts"
import { CurrentAuthentication } from "../CurrentAuthentication.ts"
import { logAuthorizationEnd, logThingsBoardFailure } from "../logging/securityLog.ts"
import { attachment } from "./contentDisposition.ts"
import { logSkippedKeys, skippedKeysHeader } from "./skippedKeys.ts"

/**
 * Streams a file. When the stream fails, or the key expires or loses rights meanwhile, the connection is reset without a last chunk, so that a truncated
 * file never looks complete. The reason goes to the log, since the response has already begun.
 */
export const fileResponse = ({ body, contentType, fileName, skippedKeys }: ExportedFile) =>
  // The stream runs after the handler has returned, without the request's context, which the log needs for the client.
  Effect.contextWith((context: Context.Context<never>) => {
    const authentication = Context.get(context, CurrentAuthentication)
    return Effect.as(
      logSkippedKeys(skippedKeys),
      HttpServerResponse.stream(
        body.pipe(
          Stream.tapError((error) => Effect.provideContext(logThingsBoardFailure(error, { broken_off: fileName }), context)),
          Stream.tap(() => {
            const end = authentication?.findEnd()
            return end === undefined ? Effect.void : Effect.flatMap(Effect.provideContext(logAuthorizationEnd(end), context), Effect.fail)
          }),
          Stream.mapError(() => undefined) // Bun would print the error with an excerpt of the source
        ),
        { contentType, headers: { "content-disposition": attachment(fileName), ...skippedKeysHeader(skippedKeys) } }
      )
    )
  })
