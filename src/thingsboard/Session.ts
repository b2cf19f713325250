/** The login at ThingsBoard: one at a time, renewed ahead of expiry, and never again and again with credentials that were refused. */
import { Clock, Context, Duration, Effect, Layer, Redacted, Result, Schema, Semaphore } from "effect"
import { Settings, type TbCredentials } from "../config/Settings.ts"
import { Tokens } from "./api/Auth.ts"
import { User } from "./api/Entities.ts"
import { exchange } from "./exchange.ts"
import { LoginRefused, BadAnswer, ThingsBoardError } from "./ThingsBoardError.ts"

/** Whose rights the session has. */
export interface Identity {
  readonly authority: "SYS_ADMIN" | "TENANT_ADMIN" | "CUSTOMER_USER"
  readonly tenantId: string
  readonly customerId: string
}

interface Ticket {
  readonly header: string
  readonly refreshToken: string | undefined
  /** Epoch ms from which a new one is fetched in the background. */
  readonly staleAt: number
  /** Epoch ms from which it is not used any more. */
  readonly expiresAt: number
}

const decodeTokens = Schema.decodeUnknownEffect(Schema.fromJsonString(Tokens))
const decodeUser = Schema.decodeUnknownEffect(Schema.fromJsonString(User))
const badAnswer = () => new ThingsBoardError({ reason: new BadAnswer() })

/** `exp - iat` counts from now, so that a clock that differs from ThingsBoard's does no harm. */
const lifetimeMillis = (jwt: string): number => {
  const claims = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()) as { readonly exp: number; readonly iat: number }
  return (claims.exp - claims.iat) * 1000
}

const ticketOf = (tokens: Tokens, now: number): Effect.Effect<Ticket, ThingsBoardError> =>
  // An account with a second factor gets a token that can do nothing.
  typeof tokens.scope === "string"
    ? Effect.fail(new ThingsBoardError({ reason: new LoginRefused() }))
    : Effect.try({ try: () => lifetimeMillis(tokens.token), catch: badAnswer }).pipe(
        Effect.map((lifetime) => ({
          header: `Bearer ${tokens.token}`,
          refreshToken: tokens.refreshToken ?? undefined,
          staleAt: now + lifetime * 0.8,
          expiresAt: now + lifetime - Math.min(5000, lifetime * 0.05)
        }))
      )

const backoff = (refusals: number) => Math.min(30_000 * 2 ** (refusals - 1), 600_000)

export interface SessionShape {
  /** The value of `X-Authorization`. Costs nothing while a token is fresh. */
  readonly authorization: Effect.Effect<string, ThingsBoardError>
  /** A value other than the one that ThingsBoard called expired. */
  readonly renew: (stale: string) => Effect.Effect<string, ThingsBoardError>
  /** ThingsBoard refused a fresh value as such: nothing is sent for a while, since more tries could lock the account. */
  readonly refused: (value: string) => Effect.Effect<never, ThingsBoardError>
  readonly identity: Effect.Effect<Identity, ThingsBoardError>
}

export const make = Effect.fnUntraced(function* (baseUrl: string, credentials: TbCredentials, timeout: Duration.Duration) {
  const one = yield* Semaphore.make(1)
  const scope = yield* Effect.scope
  let ticket: Ticket | undefined
  let renewing = false
  let identity: Identity | undefined
  let refusals = 0
  let refusedUntil = 0

  const call = (method: "GET" | "POST", path: string, headers: Record<string, string>, body: string | undefined) =>
    exchange({ url: baseUrl + path, method, headers, body, timeout: Duration.toMillis(timeout) })

  const send = (path: string, body: unknown) =>
    call("POST", path, { "content-type": "application/json" }, JSON.stringify(body)).pipe(
      Effect.flatMap((bytes) => Effect.mapError(decodeTokens(bytes.toString()), badAnswer))
    )

  const giveUp = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    refusals++
    refusedUntil = now + backoff(refusals)
    ticket = undefined
    return Effect.fail(new ThingsBoardError({ reason: new LoginRefused() }))
  })

  const login = Effect.gen(function* () {
    if (credentials._tag === "ApiKey") return yield* giveUp
    const now = yield* Clock.currentTimeMillis
    if (now < refusedUntil) return yield* new ThingsBoardError({ reason: new LoginRefused() })
    const tokens = yield* Effect.result(send("/api/auth/login", { username: credentials.username, password: Redacted.value(credentials.password) }))
    if (Result.isFailure(tokens)) return yield* tokens.failure.reason._tag === "LoginRefused" ? giveUp : Effect.fail(tokens.failure)
    const fresh = yield* ticketOf(tokens.success, now)
    return fresh
  })

  const refresh = (refreshToken: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.flatMap(send("/api/auth/token", { refreshToken }), (tokens) => ticketOf(tokens, now)))

  const renew = (stale: string | undefined) =>
    one.withPermits(1)(
      Effect.suspend(() => {
        if (ticket !== undefined && ticket.header !== stale) return Effect.succeed(ticket.header)
        const renewed = ticket?.refreshToken === undefined ? login : Effect.catch(refresh(ticket.refreshToken), () => login)
        return Effect.map(renewed, (fresh) => {
          ticket = fresh
          return fresh.header
        })
      })
    )

  const inBackground = (header: string) =>
    Effect.suspend(() => {
      if (renewing) return Effect.void
      renewing = true
      return Effect.forkIn(
        Effect.ensuring(
          Effect.ignore(renew(header)),
          Effect.sync(() => {
            renewing = false
          })
        ),
        scope
      )
    })

  const authorization: SessionShape["authorization"] =
    credentials._tag === "ApiKey"
      ? Effect.suspend(() => Effect.flatMap(Clock.currentTimeMillis, (now) => (now < refusedUntil ? giveUpAgain : Effect.succeed(`ApiKey ${Redacted.value(credentials.key)}`))))
      : Effect.withFiber((fiber) => {
          const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
          if (ticket === undefined || now >= ticket.expiresAt) return renew(ticket?.header)
          return now < ticket.staleAt ? Effect.succeed(ticket.header) : Effect.as(inBackground(ticket.header), ticket.header)
        })
  const giveUpAgain = Effect.fail(new ThingsBoardError({ reason: new LoginRefused() }))

  const readIdentity = Effect.gen(function* () {
    const bytes = yield* Effect.flatMap(authorization, (header) => call("GET", "/api/auth/user", { "x-authorization": header }, undefined))
    const user = yield* Effect.mapError(decodeUser(bytes.toString()), badAnswer)
    identity = { authority: user.authority, tenantId: user.tenantId.id, customerId: user.customerId.id }
    refusals = 0
    return identity
  })

  const session: SessionShape = {
    authorization,
    renew: (stale) => (credentials._tag === "ApiKey" ? giveUp : renew(stale)),
    refused: () => giveUp,
    identity: Effect.suspend(() => (identity === undefined ? readIdentity : Effect.succeed(identity)))
  }
  return session
})

export class Session extends Context.Service<Session, SessionShape>()("boardwalk/thingsboard/Session") {
  static readonly layer = Layer.effect(
    Session,
    Effect.flatMap(Settings, ({ tbCredentials, tbHost, tbTimeout }) => make(tbHost, tbCredentials, tbTimeout))
  )
}
