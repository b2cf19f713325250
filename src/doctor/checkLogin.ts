import { Effect } from "effect"
import { Settings } from "../config/Settings.ts"
import { Session } from "../thingsboard/auth/Session.ts"
import type { ThingsBoardError } from "../thingsboard/errors/ThingsBoardError.ts"
import { CheckFailure } from "./Check.ts"

const loginHint = (method: "Password" | "ApiKey") =>
  method === "ApiKey"
    ? "Check that TB_API_KEY is right, enabled and not expired, and that ThingsBoard is 4.3 or later."
    : "Check TB_USERNAME and TB_PASSWORD. Many failed attempts lock the account. Accounts with two-factor authentication cannot be used."

export const checkLogin = Effect.gen(function* () {
  const { tbCredentials } = yield* Settings
  const session = yield* Session
  const { authority } = yield* session.authorization.pipe(
    Effect.andThen(session.identity),
    Effect.mapError(
      (error: ThingsBoardError) =>
        new CheckFailure({
          detail: `cannot log in: ${error.message}`,
          hint:
            error.reason._tag === "LoginRefused"
              ? loginHint(tbCredentials._tag)
              : "The server responds, but not like ThingsBoard. Check that TB_HOST is not another server."
        })
    )
  )
  if (authority === "SYS_ADMIN") {
    return yield* new CheckFailure({
      detail: "logged in as a system administrator",
      hint: "System administrators have no devices. Use a tenant administrator or a customer user."
    })
  }
  return authority === "TENANT_ADMIN" ? "as a tenant administrator" : "as a customer user"
})
