/**
 * The login at ThingsBoard: one at a time however many calls wait for it, renewed ahead of expiry, and not tried again and again
 * with credentials that were refused.
 */
import { Clock, Context, Effect, Layer, Redacted, Schema, type Scope } from "effect"
import { Settings, type TbCredentials } from "../config/Settings.ts"
import { Tokens } from "./api/Auth.ts"
import { User } from "./api/Entities.ts"
import { authorized } from "./authorized.ts"
import { HoldOff } from "./HoldOff.ts"
import { singleFlight } from "./singleFlight.ts"
import { badAnswer, LoginRefused, ThingsBoardError } from "./ThingsBoardError.ts"
import { type Ticket, ticketOf } from "./Ticket.ts"
import { make as makeTransport, type Transport } from "./Transport.ts"

/** Whose rights the session has. */
export interface Identity {
  readonly authority: User["authority"]
  readonly tenantId: string
  /** `13814000-1dd2-11b2-8080-808080808080` when the user is not a customer's. */
  readonly customerId: string
}

export interface SessionShape {
  /** The value of `X-Authorization`, `Bearer …` or `ApiKey …`. Costs next to nothing while the token is fresh. */
  readonly authorization: Effect.Effect<string, ThingsBoardError>
  /** A newer value than the one that ThingsBoard called expired. */
  readonly renew: (stale: string) => Effect.Effect<string, ThingsBoardError>
  /**
   * For a value that ThingsBoard does not accept at all: a new login when the value had served for a while; else `LoginRefused`,
   * here and everywhere until the pause is over.
   */
  readonly refused: (value: string) => Effect.Effect<string, ThingsBoardError>
  /** `GET /api/auth/user`, asked once, and again in the background when the token was renewed. */
  readonly identity: Effect.Effect<Identity, ThingsBoardError>
}

const decodeTokens = Schema.decodeUnknownEffect(Schema.fromJsonString(Tokens))
const decodeUser = Schema.decodeUnknownEffect(Schema.fromJsonString(User))

/** A value refused when younger than this was never good; an older one went bad. */
const provedAfter = 60_000

const now = Effect.map(Clock.Clock, (clock) => clock.currentTimeMillisUnsafe())
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** What password and API key do differently. */
type Rights = Pick<SessionShape, "authorization" | "refused" | "renew">

const withApiKey = (key: Redacted.Redacted<string>): Rights => {
  const holdOff = new HoldOff()
  const granted = Effect.suspend(() => Effect.succeed(`ApiKey ${Redacted.value(key)}`))
  const refused = () => Effect.flatMap(now, (at) => Effect.fail(holdOff.refused(at, { status: 401 })))
  return {
    authorization: Effect.withFiber((fiber) => holdOff.at(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()) ?? granted),
    renew: refused,
    refused
  }
}

const withPassword = Effect.fnUntraced(function* (
  username: string,
  password: Redacted.Redacted<string>,
  transport: Transport
): Effect.fn.Return<Rights, never, Scope.Scope> {
  const holdOff = new HoldOff()
  let ticket: Ticket | undefined

  const obtain = Effect.fnUntraced(function* (path: string, body: object) {
    const askedAt = yield* now
    const answer = yield* transport.send({
      method: "POST",
      path,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      repeatable: true
    })
    const tokens = yield* Effect.mapError(decodeTokens(text(answer)), () => badAnswer())
    // An account with a second factor gets a token that is good for nothing but giving the second factor.
    if (typeof tokens.scope === "string") return yield* new ThingsBoardError({ reason: new LoginRefused(), status: 200 })
    return ticketOf(tokens, askedAt)
  })

  const login = Effect.suspend(() => obtain("/api/auth/login", { username, password: Redacted.value(password) }))

  /** A refresh that ThingsBoard answered otherwise says nothing of the password; one that was not answered would not log in either. */
  const refreshed = (refreshToken: string) =>
    Effect.catchIf(
      obtain("/api/auth/token", { refreshToken }),
      ({ reason, status }) => reason._tag !== "Timeout" && (reason._tag !== "Unavailable" || status === 500),
      () => login
    )

  const { join, start } = yield* singleFlight(
    Effect.gen(function* () {
      const startedAt = yield* now
      const tooSoon = holdOff.at(startedAt)
      if (tooSoon !== undefined) return yield* tooSoon
      if (ticket !== undefined && startedAt - ticket.receivedAt >= provedAfter) holdOff.proved()
      const fresh = yield* Effect.catch(ticket?.refreshToken === undefined ? login : refreshed(ticket.refreshToken), (error) =>
        Effect.flatMap(now, (at) =>
          Effect.fail(error.reason._tag === "LoginRefused" ? holdOff.refused(at, error) : holdOff.failed(at, error))
        )
      )
      holdOff.loggedIn()
      ticket = fresh
      return fresh.authorization
    })
  )

  const unlessNewer = (value: string, otherwise: Effect.Effect<string, ThingsBoardError>) =>
    ticket !== undefined && ticket.authorization !== value ? Effect.succeed(ticket.authorization) : otherwise

  return {
    authorization: Effect.withFiber((fiber) => {
      const at = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      if (ticket === undefined || at >= ticket.expiresAt) return holdOff.at(at) ?? join
      if (at < ticket.renewAt || holdOff.at(at) !== undefined) return Effect.succeed(ticket.authorization)
      return Effect.as(start, ticket.authorization)
    }),
    renew: (stale) => Effect.suspend(() => unlessNewer(stale, join)),
    refused: (value) =>
      Effect.flatMap(now, (at) =>
        unlessNewer(
          value,
          Effect.suspend(() => {
            if (ticket === undefined) return join
            const served = at - ticket.receivedAt >= provedAfter
            ticket = undefined
            if (!served) return Effect.fail(holdOff.refused(at, { status: 401 }))
            holdOff.proved()
            return join
          })
        )
      )
  }
})

/** A session of any credentials. Its scope ends what renews it in the background. */
export const make = Effect.fnUntraced(function* (
  credentials: TbCredentials,
  transport: Transport
): Effect.fn.Return<SessionShape, never, Scope.Scope> {
  const rights =
    credentials._tag === "ApiKey" ? withApiKey(credentials.key) : yield* withPassword(credentials.username, credentials.password, transport)

  let known: { readonly authorization: string; readonly identity: Effect.Effect<Identity> } | undefined
  const asked = yield* singleFlight(
    authorized(rights, (authorization) =>
      transport.send({ method: "GET", path: "/api/auth/user", headers: { "x-authorization": authorization }, repeatable: true }).pipe(
        Effect.flatMap((bytes) => Effect.mapError(decodeUser(text(bytes)), () => badAnswer())),
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

export class Session extends Context.Service<Session, SessionShape>()("boardwalk/thingsboard/Session") {
  /** The session of the configured credentials. */
  static readonly layer = Layer.effect(
    Session,
    Effect.flatMap(Settings, ({ tbCredentials, tbHost, tbTimeout }) => make(tbCredentials, makeTransport(tbHost, tbTimeout)))
  )
}
