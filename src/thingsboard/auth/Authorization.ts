/** How a session gets the value of `X-Authorization`: from a username and password, or from an API key. */
import { Clock, Effect, Redacted, Schema, type Scope } from "effect"
import { currentMonotonicMillis, monotonicMillis } from "../../platform/monotonicTime.ts"
import { Tokens } from "../api/Auth.ts"
import { LoginBackoff } from "./LoginBackoff.ts"
import { singleFlight } from "./singleFlight.ts"
import { withinRequestTime } from "../transport/requestTime.ts"
import { invalidResponse, LoginRefused, ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { type AccessToken, makeAccessToken } from "./AccessToken.ts"
import type { TransportShape } from "../transport/Transport.ts"

export interface Authorization {
  /** The value of `X-Authorization`, `Bearer …` or `ApiKey …`. Cheap while the token is valid. */
  readonly authorization: Effect.Effect<string, ThingsBoardError>
  /** Replaces a value that ThingsBoard reported as expired. */
  readonly renew: (stale: string) => Effect.Effect<string, ThingsBoardError>
  /**
   * Replaces a value that ThingsBoard does not accept at all: logs in again if the value had worked for a while. Otherwise fails with
   * `LoginRefused`, as every call does until the pause is over.
   */
  readonly replaceRefused: (value: string) => Effect.Effect<string, ThingsBoardError>
}

const decodeTokens = Schema.decodeUnknownEffect(Schema.fromJsonString(Tokens))

/** A value rejected earlier than this (ms) never worked; one rejected later has become invalid. */
const provenAfter = 60_000

/** A correct password is rejected too: when a second factor is required (status 200), or the account is not active. */
const isWrongPassword = ({ status }: ThingsBoardError, { inactive }: LoginRefused) => status === 401 && inactive !== true

/** Said when the next attempt is an hour away or more. */
const rarelyRetried = (millis: number) =>
  `. The next attempt is in ${Math.round(millis / 3_600_000)} h, since ThingsBoard may lock the account; a changed TB_PASSWORD_FILE or a restart is tried at once`
const longPause = 3_600_000

/** An API key (ThingsBoard 4.3 and later) needs no login. It can be rejected too, but that locks nothing. */
export const withApiKey = (key: () => Redacted.Redacted<string>, backoff: LoginBackoff): Authorization => {
  const value = Effect.suspend(() => Effect.succeed(`ApiKey ${Redacted.value(key())}`))
  const replaceRefused = () => Effect.flatMap(currentMonotonicMillis, (at) => Effect.fail(backoff.recordRefusal(at, { status: 401 })))
  return {
    authorization: Effect.withFiber((fiber) => backoff.errorAt(monotonicMillis(fiber.getRef(Clock.Clock))) ?? value),
    renew: replaceRefused,
    replaceRefused
  }
}

/** Logs in when first needed. Closing its scope ends background renewal. */
export const withPassword = Effect.fnUntraced(function* (
  username: string,
  password: () => Redacted.Redacted<string>,
  transport: TransportShape,
  backoff: LoginBackoff
): Effect.fn.Return<Authorization, never, Scope.Scope> {
  let token: AccessToken | undefined

  const obtain = Effect.fnUntraced(function* (path: string, body: object) {
    const requestedAt = yield* currentMonotonicMillis
    const response = yield* transport.send({
      method: "POST",
      path,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      repeatable: true,
      share: "session"
    })
    const tokens = yield* Effect.mapError(decodeTokens(response.toString()), () => invalidResponse())
    // For an account with a second factor, this token only allows entering the second factor.
    if (typeof tokens.scope === "string") return yield* new ThingsBoardError({ reason: new LoginRefused(), status: 200 })
    return makeAccessToken(tokens, requestedAt)
  })

  const login = Effect.suspend(() => obtain("/api/auth/login", { username, password: Redacted.value(password()) }))

  /** A rejected refresh says nothing about the password, so log in. Without a response, a login would not get one either. */
  const refresh = (refreshToken: string) =>
    Effect.catchIf(
      obtain("/api/auth/token", { refreshToken }),
      ({ reason, status }) => reason._tag !== "Timeout" && (reason._tag !== "Unavailable" || status === 500),
      () => login
    )

  /** Logged here because nobody waits for background renewal. The pauses between attempts keep the log short. */
  const reportFailure = Effect.fnUntraced(function* (error: ThingsBoardError) {
    const at = yield* currentMonotonicMillis
    const reported =
      error.reason._tag === "LoginRefused"
        ? backoff.recordRefusal(at, error, isWrongPassword(error, error.reason))
        : backoff.recordOutage(at, error)
    const pause = reported.reason._tag === "LoginRefused" ? (reported.reason.retryAt ?? at) - at : 0
    yield* Effect.logWarning(`ThingsBoard login failed: ${reported.message}${pause >= longPause ? rarelyRetried(pause) : ""}`)
    return yield* reported
  })

  const loggingIn = yield* singleFlight(
    Effect.gen(function* () {
      const startedAt = yield* currentMonotonicMillis
      const tooSoon = backoff.errorAt(startedAt)
      if (tooSoon !== undefined) return yield* tooSoon
      if (token !== undefined && startedAt - token.receivedAt >= provenAfter) backoff.recordUse()
      const fresh = yield* Effect.catch(token?.refreshToken === undefined ? login : refresh(token.refreshToken), reportFailure)
      backoff.recordLogin()
      token = fresh
      return fresh.authorization
    })
  )

  const { start } = loggingIn
  const join = withinRequestTime(loggingIn.join)

  const unlessNewer = (value: string, otherwise: Effect.Effect<string, ThingsBoardError>) =>
    token !== undefined && token.authorization !== value ? Effect.succeed(token.authorization) : otherwise

  return {
    authorization: Effect.withFiber((fiber) => {
      const at = monotonicMillis(fiber.getRef(Clock.Clock))
      if (token === undefined || at >= token.expiresAt) return backoff.errorAt(at) ?? join
      if (at < token.renewAt || backoff.errorAt(at) !== undefined) return Effect.succeed(token.authorization)
      return Effect.as(start, token.authorization)
    }),
    renew: (stale) => Effect.suspend(() => unlessNewer(stale, join)),
    replaceRefused: (value) =>
      Effect.flatMap(currentMonotonicMillis, (at) =>
        unlessNewer(
          value,
          Effect.suspend(() => {
            if (token === undefined) return join
            const worked = at - token.receivedAt >= provenAfter
            token = undefined
            if (!worked) return Effect.fail(backoff.recordRefusal(at, { status: 401 }))
            backoff.recordUse()
            return join
          })
        )
      )
  }
})
