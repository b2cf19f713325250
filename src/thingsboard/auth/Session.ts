/**
 * A session with ThingsBoard: one login at a time, however many calls wait for it, renewed before it expires, and not repeated
 * endlessly with credentials that were rejected.
 */
import { Context, Effect, Layer, Redacted, Schema, type Scope } from "effect"
import { Settings, type TbCredentials } from "../../config/Settings.ts"
import { sha256 } from "../../platform/Digest.ts"
import { User } from "../api/Entities.ts"
import { authorized } from "./authorized.ts"
import { LoginBackoff } from "./LoginBackoff.ts"
import { type Authorization, withApiKey, withPassword } from "./Authorization.ts"
import { CurrentSecretSource, type SecretSource } from "./SecretSource.ts"
import { failureOf } from "../errors/failures.ts"
import { withinRequestTime } from "../transport/requestTime.ts"
import { singleFlight } from "./singleFlight.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { Transport, type TransportShape } from "../transport/Transport.ts"

/** The user of a session, whose permissions apply to its calls. */
export interface Identity {
  readonly authority: User["authority"]
  readonly tenantId: string
  /** `noCustomer` (`13814000-1dd2-11b2-8080-808080808080`) for a user who belongs to no customer. */
  readonly customerId: string
}

export interface SessionShape extends Authorization {
  /** An opaque name of the user of ThingsBoard, equal for all sessions and gateways with this username or API key. */
  readonly user: string
  /** From `GET /api/auth/user`, read once, and again in the background when the token has been renewed. */
  readonly identity: Effect.Effect<Identity, ThingsBoardError>
  /** Asks ThingsBoard for the user now: fails if it does not respond or does not accept the credentials. Callers at the same time share one call. */
  readonly check: Effect.Effect<Identity, ThingsBoardError>
}

/** A digest, since these names leave the process. */
const userOf = (credentials: TbCredentials) =>
  sha256(credentials._tag === "ApiKey" ? `key ${Redacted.value(credentials.key)}` : `name ${credentials.username}`)
    .toString("hex")
    .slice(0, 32)

const decodeUser = Schema.decodeUnknownEffect(Schema.fromJsonString(User))

/** A session for the given credentials. Closing its scope ends background renewal; a backoff that is passed in may outlive it. */
export const make = Effect.fnUntraced(function* (
  credentials: TbCredentials,
  transport: TransportShape,
  backoff = new LoginBackoff(),
  changed?: SecretSource
): Effect.fn.Return<SessionShape, never, Scope.Scope> {
  const user = userOf(credentials)
  const secret = () => changed?.current ?? (credentials._tag === "ApiKey" ? credentials.key : credentials.password)
  if (changed !== undefined) changed.onChange = () => backoff.reset()
  const login =
    credentials._tag === "ApiKey" ? withApiKey(secret, backoff) : yield* withPassword(credentials.username, secret, transport, backoff)

  let known: { readonly authorization: string; readonly identity: Effect.Effect<Identity> } | undefined
  const fetchIdentity = yield* singleFlight(
    authorized(login, (authorization) =>
      transport
        .send({
          method: "GET",
          path: "/api/auth/user",
          user,
          headers: { "x-authorization": authorization },
          repeatable: true,
          share: "session"
        })
        .pipe(
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
    ...login,
    user,
    check: fetchIdentity.join,
    identity: Effect.matchEffect(login.authorization, {
      onSuccess: (authorization) => {
        if (known === undefined) return withinRequestTime(fetchIdentity.join)
        return known.authorization === authorization ? known.identity : Effect.andThen(fetchIdentity.start, known.identity)
      },
      // What needs the identity calls ThingsBoard next, and fails there, or finds an older response.
      onFailure: (error) => (known !== undefined && failureOf(error).allowsStale === true ? known.identity : Effect.fail(error))
    })
  }
})

export class Session extends Context.Service<Session, SessionShape>()("boardwalk/thingsboard/auth/Session") {
  /** The session of the configured credentials. */
  static readonly layer = Layer.effect(
    Session,
    Effect.gen(function* () {
      const { tbCredentials } = yield* Settings
      return yield* make(tbCredentials, yield* Transport, undefined, yield* CurrentSecretSource)
    })
  ).pipe(Layer.provide(Transport.layer))
}
