/** Sessions of the ThingsBoard users of keys: how long each is kept, and what is remembered afterwards. */
import { expect } from "bun:test"
import { Context, Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Settings, type TbCredentials } from "../../src/config/Settings.ts"
import { EventLoop } from "../../src/platform/EventLoop.ts"
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
  const Made = UserSessions.layer.pipe(
    Layer.provide(EventLoop.layer),
    Layer.provide(Settings.layerTest({ tbHost: upstream.url, tbCredentials: own }))
  )
  const identities = Context.get(yield* Layer.build(Made), UserSessions)
  /** A request with a key that acts as this user. Returns whether it used the gateway's own session or another one. */
  const use = (as: TbCredentials = credentials) =>
    Effect.scoped(
      Effect.flatMap(identities.acquire(as), (acting) =>
        acting === undefined ? Effect.succeed("own") : Effect.as(Effect.result(acting.get("/api/device")), "another")
      )
    )
  return { identities, use, logins: () => upstream.count(login) }
})

const own: TbCredentials = { _tag: "Password", username: "tenant@example.com", password: Redacted.make(canaries.password) }

effect("a session is kept while it is in use, and closed ten minutes later", () =>
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
    // A long response keeps the session, however long it takes.
    yield* Effect.scoped(Effect.andThen(identities.acquire(credentials), TestClock.adjust("1 hour")))
    yield* use()
    expect(logins()).toBe(2)
  })
)

effect("equal credentials share a session, and the gateway's own credentials use the gateway's session", () =>
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

effect("a wrong password is sent three times and then rarely, however often its session is closed in between", () =>
  Effect.gen(function* () {
    const { logins, use } = yield* identitiesBefore({ [login]: loginRejected })
    // Not days: the clock would pass by half a million seconds, at each of which the gateway records metrics.
    for (const pause of ["30 seconds", "1 minute", "9 minutes", "11 minutes", "2 hours"] as const) {
      for (let i = 0; i < 5; i++) {
        yield* use()
        yield* TestClock.adjust(pause)
      }
    }
    expect(logins()).toBe(6) // three, then after pauses of 1 h, 2 h and 4 h in nearly twelve hours
    // Another password has a backoff of its own.
    yield* use({ ...credentials, password: Redacted.make(canaries.freshPassword) })
    expect(logins()).toBe(7)
  })
)
