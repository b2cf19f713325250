import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { parseUuid, entityNotFound } from "../auth/Access.ts"
import { authJson, json } from "../http/responses.ts"
import { parseStrict, readText, textOf } from "../http/bodies.ts"
import { Caller } from "../auth/Caller.ts"
import { userJson } from "../http/entityJson.ts"
import { JsonObject } from "../values/Json.ts"
import { authenticationFailed, Sessions } from "../auth/Sessions.ts"
import { Store } from "../store/Store.ts"

/** ThingsBoard's login filters return 401 for any body that they cannot parse. */
const readLogin = Effect.fnUntraced(function* (text: string) {
  const body = yield* Effect.mapError(parseStrict(text), authenticationFailed)
  if (!(body instanceof JsonObject)) return yield* authenticationFailed()
  return body
})

export const AuthLayer = HttpApiBuilder.group(
  GatewayApi,
  "auth",
  Effect.fnUntraced(function* (handlers) {
    const sessions = yield* Sessions
    const store = yield* Store
    return handlers
      .handleRaw("login", ({ request }) =>
        Effect.gen(function* () {
          const body = yield* readLogin(yield* readText(request))
          const username = textOf(body, "username")
          const password = textOf(body, "password")
          if (!username || !password) return yield* authenticationFailed()
          return authJson(JSON.stringify(yield* sessions.login(username, Redacted.make(password))))
        })
      )
      .handleRaw("refresh", ({ request }) =>
        Effect.gen(function* () {
          const token = textOf(yield* readLogin(yield* readText(request)), "refreshToken")
          if (!token) return yield* authenticationFailed()
          return authJson(JSON.stringify(yield* sessions.refresh(token)))
        })
      )
      .handle("user", () =>
        Effect.gen(function* () {
          const caller = yield* Caller
          const entity = store.directory.get(yield* parseUuid(caller.id))
          const account = store.accounts.get(caller.id)
          if (entity === undefined || account === undefined) return yield* entityNotFound("USER", caller.id)
          return json(userJson(entity, account))
        })
      )
  })
)
