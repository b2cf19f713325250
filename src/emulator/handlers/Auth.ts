import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { checkUuid, notFound } from "../Access.ts"
import { filterJson, json } from "../responses.ts"
import { parseStrictly, readText, textOf } from "../bodies.ts"
import { Caller } from "../Caller.ts"
import { userJson } from "../entityJson.ts"
import { JsonObject } from "../Json.ts"
import { authenticationFailed, Sessions } from "../Sessions.ts"
import { Store } from "../Store.ts"

/** The login filters answer 401 to whatever they cannot read. */
const readLogin = Effect.fnUntraced(function* (text: string) {
  const body = yield* Effect.mapError(parseStrictly(text), authenticationFailed)
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
          return filterJson(JSON.stringify(yield* sessions.login(username, Redacted.make(password))))
        })
      )
      .handleRaw("refresh", ({ request }) =>
        Effect.gen(function* () {
          const token = textOf(yield* readLogin(yield* readText(request)), "refreshToken")
          if (!token) return yield* authenticationFailed()
          return filterJson(JSON.stringify(yield* sessions.refresh(token)))
        })
      )
      .handle("user", () =>
        Effect.gen(function* () {
          const caller = yield* Caller
          const entity = store.directory.get(yield* checkUuid(caller.id))
          const account = store.accounts.get(caller.id)
          if (entity === undefined || account === undefined) return yield* notFound("USER", caller.id)
          return json(userJson(entity, account))
        })
      )
  })
)
