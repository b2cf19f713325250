import { Effect } from "effect"
import type { Authorization } from "./Authorization.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"

/** ThingsBoard's `errorCode` for a token that has expired or was revoked: a new token helps. */
const tokenExpired = 11

const isRefusal = ({ reason }: ThingsBoardError) => reason._tag === "LoginRefused"

/** Sends with the session's authorization. If that is rejected, gets a newer one from the session and sends once more, never twice. */
export const authorized = <A>(
  session: Authorization,
  send: (authorization: string) => Effect.Effect<A, ThingsBoardError>
): Effect.Effect<A, ThingsBoardError> =>
  Effect.flatMap(session.authorization, (authorization) =>
    Effect.catchIf(send(authorization), isRefusal, (refusal) =>
      Effect.flatMap(refusal.errorCode === tokenExpired ? session.renew(authorization) : session.replaceRefused(authorization), (fresh) =>
        Effect.catchIf(send(fresh), isRefusal, (again) => Effect.andThen(session.replaceRefused(fresh), Effect.fail(again)))
      )
    )
  )
