import { Context, Effect, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import type { ExportedFile } from "../../services/telemetry/Exports.ts"
import { CurrentAuthentication } from "../CurrentAuthentication.ts"
import { logKeyExpired, logThingsBoardFailure } from "../logging/securityLog.ts"

/**
 * A file as an answer, broken off when its key ends. When the stream fails the connection is reset and no last chunk is sent, so that a
 * cut file never looks whole; the reason goes to the log, since nobody can be told any more.
 */
export const fileResponse = ({ body, contentType, fileName }: ExportedFile) =>
  // The stream runs after the handler and without the request's context, of which the log needs to know who asked.
  Effect.contextWith((context: Context.Context<never>) => {
    const authentication = Context.get(context, CurrentAuthentication)
    return Effect.succeed(
      HttpServerResponse.stream(
        body.pipe(
          Stream.tapError((error) => Effect.provideContext(logThingsBoardFailure(error, { broken_off: fileName }), context)),
          Stream.tap(() =>
            authentication === undefined || authentication.isStillAuthorized()
              ? Effect.void
              : Effect.flatMap(Effect.provideContext(logKeyExpired, context), Effect.fail)
          ),
          Stream.mapError(() => undefined) // Bun would print the error with an excerpt of the source
        ),
        { contentType, headers: { "content-disposition": `attachment; filename="${fileName}"` } }
      )
    )
  })
