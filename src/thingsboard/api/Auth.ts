import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { User } from "./Entities.ts"

/** Accounts with a second factor get a `scope` (`PRE_VERIFICATION_TOKEN`) and no `refreshToken`. Boardwalk cannot use such an account. */
export const Tokens = Schema.Struct({
  token: Schema.String,
  refreshToken: Schema.optionalKey(Schema.NullOr(Schema.String)),
  scope: Schema.optionalKey(Schema.NullOr(Schema.String))
})
export type Tokens = typeof Tokens.Type

/** Login and refresh need no token. Old refresh tokens stay valid until they expire. */
export class Auth extends HttpApiGroup.make("auth").add(
  HttpApiEndpoint.post("login", "/api/auth/login", {
    payload: Schema.Struct({ username: Schema.String, password: Schema.String }),
    success: Tokens
  }),
  HttpApiEndpoint.post("refresh", "/api/auth/token", { payload: Schema.Struct({ refreshToken: Schema.String }), success: Tokens }),
  HttpApiEndpoint.get("user", "/api/auth/user", { success: User })
) {}
