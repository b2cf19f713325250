/** Sessions of keys' own ThingsBoard users: how long each is kept, and what is remembered when it is not. */
import { expect } from "bun:test"
import { Context, Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Settings, type TbCredentials } from "../../src/config/Settings.ts"
import { UserSessions } from "../../src/thingsboard/UserSessions.ts"
import { effect } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { json, loginRejected, type Script, scriptedUpstream, tokens } from "../support/scriptedUpstream.ts"

const login = "POST /api/auth/login"
const read = "GET /api/device"
const credentials: TbCredentials = {
  _tag: "Password",
  username: "guest@example.com",
  password: Redacted.make(canaries.guestPassword)
}

const identitiesBefore = Effect.fnUntraced(function* (script: Script) {
  const upstream = yield* scriptedUpstream({ [read]: json({}), ...script })
  const Made = UserSessions.layer.pipe(Layer.provide(Settings.layerTest({ tbHost: upstream.url, tbCredentials: own })))
  const identities = Context.get(yield* Layer.build(Made), UserSessions)
  /** A request of a key that acts as this user; for others the gateway's own session is there. */
  const use = (as: TbCredentials = credentials) =>
    Effect.scoped(
      Effect.flatMap(identities.acquire(as), (acting) =>
        acting === undefined ? Effect.succeed("own") : Effect.as(Effect.result(acting.get("/api/device")), "another")
      )
    )
  return { identities, use, logins: () => upstream.count(login) }
})

const own: TbCredentials = { _tag: "Password", username: "tenant@example.com", password: Redacted.make(canaries.password) }

effect("a session is kept while it is used, and dropped when it was not for ten minutes", () =>
  Effect.gen(function* () {
    const { identities, logins, use } = yield* identitiesBefore({ [login]: tokens("a") })
    yield* use()
    for (let i = 0; i < 3; i++) {
      yield* TestClock.adjust("9 minutes")
      yield* use()
    }
    expect(logins()).toBe(1)
    yield* TestClock.adjust("10 minutes")
    yield* use()
    expect(logins()).toBe(2)
    // A long answer keeps it however long it takes.
    yield* Effect.scoped(Effect.andThen(identities.acquire(credentials), TestClock.adjust("1 hour")))
    yield* use()
    expect(logins()).toBe(2)
  })
)

effect("equal credentials are one session, and the gateway's own are its own session", () =>
  Effect.gen(function* () {
    const { logins, use } = yield* identitiesBefore({ [login]: tokens("a") })
    yield* use()
    yield* use({ ...credentials, password: Redacted.make(canaries.guestPassword) })
    expect(logins()).toBe(1)
    yield* use({ ...credentials, password: Redacted.make(canaries.strangerPassword) })
    expect(logins()).toBe(2)
    expect(yield* use({ ...own, password: Redacted.make(canaries.password) })).toBe("own")
    expect(logins()).toBe(2)
  })
)

effect("a wrong password is tried three times, however often its session is dropped meanwhile", () =>
  Effect.gen(function* () {
    const { logins, use } = yield* identitiesBefore({ [login]: loginRejected })
    for (const pause of ["30 seconds", "1 minute", "9 minutes", "11 minutes", "2 hours", "1 day"] as const) {
      for (let i = 0; i < 5; i++) {
        yield* use()
        yield* TestClock.adjust(pause)
      }
    }
    expect(logins()).toBe(3)
    // Another password is another matter.
    yield* use({ ...credentials, password: Redacted.make(canaries.freshPassword) })
    expect(logins()).toBe(4)
  })
)
