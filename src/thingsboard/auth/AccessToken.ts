import { Option, Schema } from "effect"
import type { Tokens } from "../api/Auth.ts"

/** A token from a login or refresh, and its lifetime. All times are ms of the monotonic clock. */
export interface AccessToken {
  /** The value of `X-Authorization`. */
  readonly authorization: string
  readonly refreshToken: string | undefined
  readonly receivedAt: number
  /** From then on it is renewed in the background, while it is still in use. */
  readonly renewAt: number
  readonly expiresAt: number
}

const Claims = Schema.Struct({ iat: Schema.Finite, exp: Schema.Finite })
const decodeClaims = Schema.decodeUnknownOption(Schema.fromJsonString(Claims))

/** Ms. Administrators can set any lifetime from one minute, so it is read from the token. A token without claims is used until rejected. */
const parseLifetime = (jwt: string) =>
  Option.match(decodeClaims(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()), {
    onNone: () => Number.POSITIVE_INFINITY,
    onSome: ({ exp, iat }) => Math.max(0, exp - iat) * 1000
  })

/** The lifetime counts from the time of our request, so that ThingsBoard's clock may differ from ours. */
export const makeAccessToken = ({ refreshToken, token }: Tokens, requestedAt: number): AccessToken => {
  const lifetime = parseLifetime(token)
  return {
    authorization: `Bearer ${token}`,
    refreshToken: refreshToken ?? undefined,
    receivedAt: requestedAt,
    renewAt: requestedAt + lifetime * 0.8,
    expiresAt: requestedAt + lifetime - Math.min(lifetime * 0.1, 10_000)
  }
}
