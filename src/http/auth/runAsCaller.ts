import { Context, Effect, type Scope, Stream } from "effect"
import { HttpBody, HttpServerResponse } from "effect/http"
import type { ApiKey } from "../../apikeys/ApiKeys.ts"
import { CurrentVisibility } from "../../services/access/CurrentVisibility.ts"
import type { UserSessions } from "../../thingsboard/UserSessions.ts"
import { CurrentThingsBoard } from "../../thingsboard/ThingsBoard.ts"

type Rights = Context.Context<never>

/** A body is written after the handler has ended, by the server, which has the gateway's own rights. */
const withRights = (response: HttpServerResponse.HttpServerResponse, rights: Rights) => {
  const { body } = response
  if (body._tag !== "Stream") return response
  const stream = Stream.updateContext(body.stream, (others: Context.Context<never>) => Context.merge(others, rights))
  return HttpServerResponse.setBody(response, HttpBody.stream(stream, body.contentType, body.contentLength))
}

/** Handles a request with what the key may see and as the ThingsBoard user that it acts as, to the last byte of the answer. */
export const runAsCaller = <E, R>(
  key: ApiKey,
  identities: UserSessions["Service"],
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | Scope.Scope> => {
  const { devices, id, thingsBoard } = key
  if (devices === undefined && thingsBoard === undefined) return handler
  const run = (rights: Rights) => Effect.map(Effect.provideContext(handler, rights), (response) => withRights(response, rights))
  const seeing = Context.make(CurrentVisibility, devices)
  if (thingsBoard === undefined) return run(seeing)
  // The request's scope holds the session until the answer has been written.
  return Effect.flatMap(identities.acquire(thingsBoard), (acting) => run(Context.add(seeing, CurrentThingsBoard, acting))).pipe(
    Effect.annotateLogs({ key_id: id })
  )
}
