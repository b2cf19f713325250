import { Option, Schema } from "effect"
import type { Tokens } from "../api/Auth.ts"

/** A login that ThingsBoard granted, and until when it serves. All times are epoch ms by our own clock. */
export interface AccessToken {
  /** The value of `X-Authorization`. */
  readonly authorization: string
  readonly refreshToken: string | undefined
  readonly receivedAt: number
  /** From here on a new one is fetched while this one still serves. */
  readonly renewAt: number
  readonly expiresAt: number
}

const Claims = Schema.Struct({ iat: Schema.Finite, exp: Schema.Finite })
const decodeClaims = Schema.decodeUnknownOption(Schema.fromJsonString(Claims))

/** The administrator can set any lifetime from a minute on, so only the token itself knows it. Without claims it serves until refused. */
const lifetimeOf = (jwt: string) =>
  Option.match(decodeClaims(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()), {
    onNone: () => Number.POSITIVE_INFINITY,
    onSome: ({ exp, iat }) => Math.max(0, exp - iat) * 1000
  })

/** The lifetime counts from when we asked, so that ThingsBoard's clock may differ from ours. */
export const makeAccessToken = ({ refreshToken, token }: Tokens, askedAt: number): AccessToken => {
  const lifetime = lifetimeOf(token)
  return {
    authorization: `Bearer ${token}`,
    refreshToken: refreshToken ?? undefined,
    receivedAt: askedAt,
    renewAt: askedAt + lifetime * 0.8,
    expiresAt: askedAt + lifetime - Math.min(lifetime * 0.1, 10_000)
  }
}
