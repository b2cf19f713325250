/** How a session comes to the value of `X-Authorization`: by user and password, or by an API key. */
import { Clock, Effect, Redacted, Schema, type Scope } from "effect"
import { Tokens } from "../api/Auth.ts"
import { LoginBackoff } from "./LoginBackoff.ts"
import { singleFlight } from "./singleFlight.ts"
import { invalidResponse, LoginRefused, ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { type AccessToken, makeAccessToken } from "./AccessToken.ts"
import type { Transport } from "../transport/Transport.ts"

export interface Authorization {
  /** The value of `X-Authorization`, `Bearer …` or `ApiKey …`. Costs next to nothing while the token is fresh. */
  readonly authorization: Effect.Effect<string, ThingsBoardError>
  /** A newer value than the one that ThingsBoard called expired. */
  readonly renew: (stale: string) => Effect.Effect<string, ThingsBoardError>
  /**
   * For a value that ThingsBoard does not accept at all: a new login when the value had served for a while; else `LoginRefused`,
   * here and everywhere until the pause is over.
   */
  readonly refused: (value: string) => Effect.Effect<string, ThingsBoardError>
}

const decodeTokens = Schema.decodeUnknownEffect(Schema.fromJsonString(Tokens))

/** A value refused when younger than this was never good; an older one went bad. */
const provedAfter = 60_000

/** A right password is refused as well: where a second factor is asked for (200), or the account is not active. */
const isWrongPassword = ({ status }: ThingsBoardError, { inactive }: LoginRefused) => status === 401 && inactive !== true

const notAgain = ". It is not tried again before a restart or other credentials, since ThingsBoard may lock the account"

const now = Effect.map(Clock.Clock, (clock) => clock.currentTimeMillisUnsafe())

/** An API key (4.3 and later) needs no login, but can be refused as well; that locks nothing. */
export const withApiKey = (key: Redacted.Redacted<string>, holdOff: LoginBackoff): Authorization => {
  const granted = Effect.suspend(() => Effect.succeed(`ApiKey ${Redacted.value(key)}`))
  const refused = () => Effect.flatMap(now, (at) => Effect.fail(holdOff.recordRefusal(at, { status: 401 })))
  return {
    authorization: Effect.withFiber((fiber) => holdOff.errorAt(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()) ?? granted),
    renew: refused,
    refused
  }
}

/** Logs in when first needed. Its scope ends what renews the token in the background. */
export const withPassword = Effect.fnUntraced(function* (
  username: string,
  password: Redacted.Redacted<string>,
  transport: Transport,
  holdOff: LoginBackoff
): Effect.fn.Return<Authorization, never, Scope.Scope> {
  let ticket: AccessToken | undefined

  const obtain = Effect.fnUntraced(function* (path: string, body: object) {
    const askedAt = yield* now
    const answer = yield* transport.send({
      method: "POST",
      path,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      repeatable: true
    })
    const tokens = yield* Effect.mapError(decodeTokens(answer.toString()), () => invalidResponse())
    // An account with a second factor gets a token that is good for nothing but giving the second factor.
    if (typeof tokens.scope === "string") return yield* new ThingsBoardError({ reason: new LoginRefused(), status: 200 })
    return makeAccessToken(tokens, askedAt)
  })

  const login = Effect.suspend(() => obtain("/api/auth/login", { username, password: Redacted.value(password) }))

  /** A refresh that ThingsBoard answered otherwise says nothing of the password; one that was not answered would not log in either. */
  const refreshed = (refreshToken: string) =>
    Effect.catchIf(
      obtain("/api/auth/token", { refreshToken }),
      ({ reason, status }) => reason._tag !== "Timeout" && (reason._tag !== "Unavailable" || status === 500),
      () => login
    )

  /** Logged here, since nobody waits for what happens in the background. The pauses keep it from filling the log. */
  const failed = Effect.fnUntraced(function* (error: ThingsBoardError) {
    const at = yield* now
    const held =
      error.reason._tag === "LoginRefused"
        ? holdOff.recordRefusal(at, error, isWrongPassword(error, error.reason))
        : holdOff.recordOutage(at, error)
    const isLast = held.reason._tag === "LoginRefused" && held.reason.retryAt === undefined
    yield* Effect.logWarning(`ThingsBoard login failed: ${held.message}${isLast ? notAgain : ""}`)
    return yield* held
  })

  const { join, start } = yield* singleFlight(
    Effect.gen(function* () {
      const startedAt = yield* now
      const tooSoon = holdOff.errorAt(startedAt)
      if (tooSoon !== undefined) return yield* tooSoon
      if (ticket !== undefined && startedAt - ticket.receivedAt >= provedAfter) holdOff.recordUse()
      const fresh = yield* Effect.catch(ticket?.refreshToken === undefined ? login : refreshed(ticket.refreshToken), failed)
      holdOff.recordLogin()
      ticket = fresh
      return fresh.authorization
    })
  )

  const unlessNewer = (value: string, otherwise: Effect.Effect<string, ThingsBoardError>) =>
    ticket !== undefined && ticket.authorization !== value ? Effect.succeed(ticket.authorization) : otherwise

  return {
    authorization: Effect.withFiber((fiber) => {
      const at = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      if (ticket === undefined || at >= ticket.expiresAt) return holdOff.errorAt(at) ?? join
      if (at < ticket.renewAt || holdOff.errorAt(at) !== undefined) return Effect.succeed(ticket.authorization)
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
            if (!served) return Effect.fail(holdOff.recordRefusal(at, { status: 401 }))
            holdOff.recordUse()
            return join
          })
        )
      )
  }
})
