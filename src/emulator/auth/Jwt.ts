/** ThingsBoard's tokens: JWTs signed with HS512, with the claims that `JwtTokenFactory` sets. */
import { Option, Schema } from "effect"
import { equalDigests, hmacSha512 } from "../../platform/Digest.ts"

/** Times are in whole seconds. Only access tokens have `enabled` and `tenantId`. */
export const Claims = Schema.Struct({
  sub: Schema.String,
  userId: Schema.String,
  scopes: Schema.Array(Schema.String),
  sessionId: Schema.String,
  exp: Schema.Int,
  iss: Schema.String,
  iat: Schema.Int,
  enabled: Schema.optionalKey(Schema.Boolean),
  isPublic: Schema.optionalKey(Schema.Boolean),
  tenantId: Schema.optionalKey(Schema.String),
  customerId: Schema.optionalKey(Schema.String),
  jti: Schema.optionalKey(Schema.String)
})
export type Claims = typeof Claims.Type

const decodeClaims = Schema.decodeUnknownOption(Schema.fromJsonString(Claims))

const base64 = (text: string) => Buffer.from(text).toString("base64url")
const header = base64(`{"alg":"HS512"}`)

export const sign = (key: Uint8Array, claims: Claims): string => {
  const signed = `${header}.${base64(JSON.stringify(claims))}`
  return `${signed}.${hmacSha512(key, signed).toString("base64url")}`
}

/** Also "Expired" for a wrong signature, as in ThingsBoard (recorded in `auth.json`). `now` in ms. */
export const verify = (key: Uint8Array, token: string, now: number): Claims | "Malformed" | "Expired" => {
  const [head, body, signature, ...more] = token.split(".")
  if (head === undefined || body === undefined || signature === undefined || more.length > 0) return "Malformed"
  const claims = Option.getOrUndefined(decodeClaims(Buffer.from(body, "base64url").toString()))
  if (claims === undefined) return "Malformed"
  if (!equalDigests(hmacSha512(key, `${head}.${body}`), Buffer.from(signature, "base64url"))) return "Expired"
  return claims.exp * 1000 <= now ? "Expired" : claims
}
