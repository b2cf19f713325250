/**
 * The login at ThingsBoard: one at a time however many calls wait for it, renewed ahead of expiry, and not tried again and again
 * with credentials that were refused.
 */
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import { Settings, type TbCredentials } from "../../config/Settings.ts"
import { User } from "../api/Entities.ts"
import { authorized } from "./authorized.ts"
import { LoginBackoff } from "./LoginBackoff.ts"
import { type Authorization, withApiKey, withPassword } from "./Authorization.ts"
import { singleFlight } from "./singleFlight.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { configured, type Transport } from "../transport/Transport.ts"

/** Whose rights the session has. */
export interface Identity {
  readonly authority: User["authority"]
  readonly tenantId: string
  /** `13814000-1dd2-11b2-8080-808080808080` when the user is not a customer's. */
  readonly customerId: string
}

export interface SessionShape extends Authorization {
  /** `GET /api/auth/user`, asked once, and again in the background when the token was renewed. */
  readonly identity: Effect.Effect<Identity, ThingsBoardError>
}

const decodeUser = Schema.decodeUnknownEffect(Schema.fromJsonString(User))

/** A session of any credentials. Its scope ends what renews it in the background; what was refused before may be remembered for longer. */
export const make = Effect.fnUntraced(function* (
  credentials: TbCredentials,
  transport: Transport,
  holdOff = new LoginBackoff()
): Effect.fn.Return<SessionShape, never, Scope.Scope> {
  const rights =
    credentials._tag === "ApiKey"
      ? withApiKey(credentials.key, holdOff)
      : yield* withPassword(credentials.username, credentials.password, transport, holdOff)

  let known: { readonly authorization: string; readonly identity: Effect.Effect<Identity> } | undefined
  const asked = yield* singleFlight(
    authorized(rights, (authorization) =>
      transport.send({ method: "GET", path: "/api/auth/user", headers: { "x-authorization": authorization }, repeatable: true }).pipe(
        Effect.flatMap((bytes) => Effect.mapError(decodeUser(bytes.toString()), () => invalidResponse())),
        Effect.map(({ authority, customerId, tenantId }) => {
          const identity = { authority, tenantId: tenantId.id, customerId: customerId.id }
          known = { authorization, identity: Effect.succeed(identity) }
          return identity
        })
      )
    )
  )
  return {
    ...rights,
    identity: Effect.flatMap(rights.authorization, (authorization) => {
      if (known === undefined) return asked.join
      return known.authorization === authorization ? known.identity : Effect.andThen(asked.start, known.identity)
    })
  }
})

export class Session extends Context.Service<Session, SessionShape>()("boardwalk/thingsboard/auth/Session") {
  /** The session of the configured credentials. */
  static readonly layer = Layer.effect(
    Session,
    Effect.gen(function* () {
      const { tbCredentials } = yield* Settings
      return yield* make(tbCredentials, yield* configured)
    })
  )
}
