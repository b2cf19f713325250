/** Logins, tokens and API keys: authenticates requests (recorded in `auth.json`, `api-keys.json` and `token-expiry.json`). */
import { Clock, Context, Effect, Layer, Redacted } from "effect"
import { noCustomerId } from "../../domain/Ids.ts"
import { Behavior } from "../Behavior.ts"
import type { User } from "./Caller.ts"
import { type Claims, sign, verify } from "./Jwt.ts"
import { internalError, type ErrorResponse, redirectToLogin, unauthorized } from "../http/ErrorResponse.ts"
import type { Account } from "../store/Accounts.ts"
import type { Entity } from "../store/Directory.ts"
import { Store } from "../store/Store.ts"

/** While the second factor is missing, there is a `scope` instead of a refresh token. */
export interface TokenPair {
  readonly token: string
  readonly refreshToken?: string
  readonly scope?: "PRE_VERIFICATION_TOKEN"
}

export const invalidCredentials = () => unauthorized("Invalid username or password")
export const authenticationFailed = () => unauthorized("Authentication failed")
const notActive = () => unauthorized("User account is not active")
const tokenExpired = () => unauthorized("Token has expired", 11)

export class Sessions extends Context.Service<
  Sessions,
  {
    readonly login: (username: string, password: Redacted.Redacted<string>) => Effect.Effect<TokenPair, ErrorResponse>
    readonly refresh: (refreshToken: string) => Effect.Effect<TokenPair, ErrorResponse>
    readonly logout: (user: User) => Effect.Effect<void>
    /** Authenticates an access token. */
    readonly authenticateToken: (token: string) => Effect.Effect<User, ErrorResponse>
    /** Authenticates a request by `X-Authorization`, or by `Authorization` if that is blank. */
    readonly authenticateHeaders: (
      header: (name: "x-authorization" | "authorization") => string | undefined
    ) => Effect.Effect<User, ErrorResponse>
    /** Invalidates all tokens of all users, as a changed signing key does. */
    readonly revokeAll: () => void
  }
>()("boardwalk/emulator/auth/Sessions") {
  static readonly layer = Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const { accounts, directory } = yield* Store
      const behavior = yield* Behavior
      let key = crypto.getRandomValues(new Uint8Array(64))
      /** When each session was logged out, in ms. */
      const sessionsEndedAt = new Map<string, number>()

      const signAccessToken = (account: Account, entity: Entity, sessionId: string, now: number, lifetime: number): string =>
        sign(key, {
          sub: entity.name,
          userId: entity.id,
          scopes: [account.authority],
          sessionId,
          exp: Math.floor((now + lifetime) / 1000),
          iss: "thingsboard.io",
          iat: Math.floor(now / 1000),
          enabled: account.enabled,
          isPublic: false,
          tenantId: entity.tenantId,
          customerId: entity.customerId ?? noCustomerId
        })

      const createTokenPair = (account: Account, entity: Entity, now: number): TokenPair => {
        const sessionId = crypto.randomUUID()
        const refresh: Claims = {
          sub: entity.name,
          userId: entity.id,
          scopes: ["REFRESH_TOKEN"],
          sessionId,
          exp: Math.floor((now + behavior.refreshLifetimeMillis) / 1000),
          iss: "thingsboard.io",
          iat: Math.floor(now / 1000),
          isPublic: false,
          jti: crypto.randomUUID()
        }
        return { token: signAccessToken(account, entity, sessionId, now, behavior.tokenLifetimeMillis), refreshToken: sign(key, refresh) }
      }

      const login = Effect.fnUntraced(function* (username: string, password: Redacted.Redacted<string>) {
        const entity = directory.userByEmail(username)
        const account = entity && accounts.get(entity.id)
        if (entity === undefined || account === undefined) return yield* invalidCredentials()
        if (!account.enabled && accounts.hasPassword(entity.id)) return yield* notActive()
        if (!accounts.isPassword(entity.id, password)) {
          const failedLogins = account.failedLogins + 1
          accounts.setFailedLogins(entity.id, failedLogins)
          if (failedLogins <= behavior.maxFailedLogins) return yield* invalidCredentials()
          accounts.setEnabled(entity.id, false)
          return yield* unauthorized("User account is locked due to security policy")
        }
        accounts.setFailedLogins(entity.id, 0)
        const now = yield* Clock.currentTimeMillis
        switch (account.loginChallenge) {
          case "PASSWORD_EXPIRED":
            return yield* unauthorized("User password expired!", 15)
          case "SECOND_FACTOR":
            return {
              token: signAccessToken({ ...account, authority: "PRE_VERIFICATION_TOKEN" }, entity, crypto.randomUUID(), now, 1_800_000),
              scope: "PRE_VERIFICATION_TOKEN" as const
            }
          case "NONE":
            return createTokenPair(account, entity, now)
        }
      })

      const refresh = Effect.fnUntraced(function* (refreshToken: string) {
        const now = yield* Clock.currentTimeMillis
        const claims = verify(key, refreshToken, now)
        if (claims === "Malformed") return yield* invalidCredentials()
        if (claims === "Expired") return yield* tokenExpired()
        if (claims.scopes[0] !== "REFRESH_TOKEN") return yield* internalError("Invalid Refresh Token scope")
        const entity = directory.get(claims.userId)
        const account = entity && accounts.get(entity.id)
        if (entity === undefined || account === undefined) return yield* invalidCredentials()
        if (!account.enabled) return yield* notActive()
        return createTokenPair(account, entity, now)
      })

      /** ThingsBoard compares whole seconds, so a token that is revoked in the second of its issue stays valid. */
      const isRevoked = (claims: Claims) => {
        const revokedAt = Math.max(accounts.get(claims.userId)?.tokensRevokedAt ?? 0, sessionsEndedAt.get(claims.sessionId) ?? 0)
        return claims.iat < Math.floor(revokedAt / 1000)
      }

      const authenticateToken = Effect.fnUntraced(function* (token: string) {
        const claims = verify(key, token, yield* Clock.currentTimeMillis)
        if (claims === "Malformed") return yield* invalidCredentials()
        if (claims === "Expired" || isRevoked(claims)) return yield* tokenExpired()
        const [authority] = claims.scopes
        if (claims.enabled === undefined || claims.tenantId === undefined || authority === "REFRESH_TOKEN") {
          return yield* internalError(
            `Cannot invoke "java.lang.Boolean.booleanValue()" because the return value of "io.jsonwebtoken.Claims.get(String, java.lang.Class)" is null`
          )
        }
        return {
          id: claims.userId,
          email: claims.sub,
          authority: authority as User["authority"], // the signature was verified
          tenantId: claims.tenantId,
          customerId: claims.customerId === noCustomerId ? null : (claims.customerId ?? null),
          sessionId: claims.sessionId
        }
      })

      const authenticateApiKey = Effect.fnUntraced(function* (value: string) {
        const apiKey = accounts.keyByValue(value)
        const entity = apiKey && directory.get(apiKey.userId)
        const account = entity && accounts.get(entity.id)
        if (apiKey === undefined || entity === undefined || account === undefined) return yield* invalidCredentials()
        if (!apiKey.enabled || !account.enabled) return yield* notActive()
        const now = yield* Clock.currentTimeMillis
        if (apiKey.expirationTime !== 0 && apiKey.expirationTime <= now) return yield* unauthorized("API key is expired")
        return {
          id: entity.id,
          email: entity.name,
          authority: account.authority,
          tenantId: entity.tenantId,
          customerId: entity.customerId,
          sessionId: undefined
        }
      })

      const authenticateHeaders = Effect.fnUntraced(function* (header: (name: "x-authorization" | "authorization") => string | undefined) {
        const value = [header("x-authorization"), header("authorization")].find((given) => given !== undefined && given.trim() !== "")
        if (value === undefined) return yield* authenticationFailed()
        // 4.1 drops the first seven characters without checking that they are "Bearer ".
        if (behavior.version === "4.1") return value.length < 7 ? yield* authenticationFailed() : yield* authenticateToken(value.slice(7))
        if (value.startsWith("Bearer ")) return yield* authenticateToken(value.slice(7))
        if (value.startsWith("ApiKey ")) return yield* authenticateApiKey(value.slice(7))
        return yield* redirectToLogin()
      })

      return Sessions.of({
        login,
        refresh,
        logout: (user) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            if (user.sessionId !== undefined) sessionsEndedAt.set(user.sessionId, now)
          }),
        authenticateToken,
        authenticateHeaders,
        revokeAll: () => {
          key = crypto.getRandomValues(new Uint8Array(64))
        }
      })
    })
  )
}
