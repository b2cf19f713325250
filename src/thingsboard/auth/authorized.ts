import { Effect } from "effect"
import type { Authorization } from "./Authorization.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"

/** ThingsBoard's code for a token that has expired or was made void: a new one helps. */
const tokenExpired = 11

const isRefusal = ({ reason }: ThingsBoardError) => reason._tag === "LoginRefused"

/** Sends with the session's rights. When they are refused it asks the session for newer ones and sends once more, never twice. */
export const authorized = <A>(
  session: Authorization,
  send: (authorization: string) => Effect.Effect<A, ThingsBoardError>
): Effect.Effect<A, ThingsBoardError> =>
  Effect.flatMap(session.authorization, (authorization) =>
    Effect.catchIf(send(authorization), isRefusal, (refusal) =>
      Effect.flatMap(refusal.errorCode === tokenExpired ? session.renew(authorization) : session.refused(authorization), (fresh) =>
        Effect.catchIf(send(fresh), isRefusal, (again) => Effect.andThen(session.refused(fresh), Effect.fail(again)))
      )
    )
  )
