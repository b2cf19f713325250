import { Context, Effect, type Scope, Stream } from "effect"
import { HttpBody, HttpServerResponse } from "effect/http"
import type { ApiKey } from "../../apikeys/ApiKeys.ts"
import { contextOfKey } from "../../services/access/contextOfKey.ts"
import { CurrentCredentialAccess } from "../../services/access/CredentialAccess.ts"
import type { UserSessions } from "../../thingsboard/UserSessions.ts"

type CallerContext = Context.Context<never>

/** The server writes a streamed body after the handler has returned, with the gateway's own context. */
const streamWithContext = (response: HttpServerResponse.HttpServerResponse, context: CallerContext) => {
  const { body } = response
  if (body._tag !== "Stream") return response
  const stream = Stream.updateContext(body.stream, (outer: Context.Context<never>) => Context.merge(outer, context))
  return HttpServerResponse.setBody(response, HttpBody.stream(stream, body.contentType, body.contentLength))
}

/**
 * Runs a handler, up to the last byte of its response, with the key's visibility and as the key's ThingsBoard user. Without either it runs
 * as the gateway's own user, who sees everything but, without the key's scope for it, credentials.
 */
export const runAsCaller = <E, R>(
  key: ApiKey,
  sessions: UserSessions["Service"],
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | Scope.Scope> => {
  const { devices, id, scopes, thingsBoard } = key
  const readsCredentials = scopes.has("credentials:read")
  if (devices === undefined && thingsBoard === undefined)
    return readsCredentials ? Effect.provideService(handler, CurrentCredentialAccess, true) : handler
  // The request's scope keeps the user's session until the response has been written.
  const run = Effect.flatMap(contextOfKey(key, sessions), (keyContext) => {
    const context: CallerContext = Context.add(keyContext, CurrentCredentialAccess, readsCredentials)
    return Effect.map(Effect.provideContext(handler, context), (response) => streamWithContext(response, context))
  })
  return thingsBoard === undefined ? run : Effect.annotateLogs(run, { key_id: id })
}
