import { Effect } from "effect"
import { Settings } from "../config/Settings.ts"
import { Session } from "../thingsboard/auth/Session.ts"
import type { ThingsBoardError } from "../thingsboard/errors/ThingsBoardError.ts"
import { CheckFailure } from "./Check.ts"

const refused = (way: "Password" | "ApiKey") =>
  way === "ApiKey"
    ? "Is TB_API_KEY right, enabled and not expired, and is this ThingsBoard 4.3 or later?"
    : "Are TB_USERNAME and TB_PASSWORD right? Many failed tries lock the account; accounts with a second factor cannot be used."

export const checkLogin = Effect.gen(function* () {
  const { tbCredentials } = yield* Settings
  const session = yield* Session
  const { authority } = yield* session.authorization.pipe(
    Effect.andThen(session.identity),
    Effect.mapError(
      (error: ThingsBoardError) =>
        new CheckFailure({
          detail: `no session: ${error.message}`,
          hint:
            error.reason._tag === "LoginRefused"
              ? refused(tbCredentials._tag)
              : "ThingsBoard answers, but not as ThingsBoard does: is TB_HOST another server?"
        })
    )
  )
  if (authority === "SYS_ADMIN") {
    return yield* new CheckFailure({
      detail: "logged in as a system administrator",
      hint: "System administrators own no devices: give a tenant administrator or a customer user."
    })
  }
  return authority === "TENANT_ADMIN" ? "as a tenant administrator" : "as a customer user"
})
