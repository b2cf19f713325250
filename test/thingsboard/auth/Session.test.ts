import { describe, expect } from "bun:test"
import { Duration, Effect, Fiber, Redacted } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { make } from "../../../src/thingsboard/auth/Session.ts"
import type { SecretSource } from "../../../src/thingsboard/auth/SecretSource.ts"
import { ThingsBoardError, Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { make as makeTransport } from "../../../src/thingsboard/transport/Transport.ts"
import { effect } from "../../support/effectTest.ts"
import { canaries } from "../../support/leaks/canaries.ts"
import {
  errorResponse,
  json,
  jwt,
  loginRejected,
  type Script,
  scriptedUpstream,
  text,
  tokens,
  user
} from "../../support/scriptedUpstream.ts"

const login = "POST /api/auth/login"
const refresh = "POST /api/auth/token"
const whoami = "GET /api/auth/user"

const password = Redacted.make(canaries.password)
const credentials = { _tag: "Password", username: "tenant@example.com", password } as const

const sessionOf = Effect.fnUntraced(function* (script: Script) {
  const upstream = yield* scriptedUpstream(script)
  const session = yield* make(credentials, makeTransport({ host: upstream.url, timeout: Duration.seconds(30) }))
  return { session, upstream }
})

/** Lets background work finish: it waits for the network, not for the clock. */
const settled = (done: () => boolean) =>
  Effect.promise(async () => {
    for (let i = 0; i < 4000 && !done(); i++) await Bun.sleep(5)
    expect(done()).toBe(true)
    await Bun.sleep(20)
  })

describe("logging in", () => {
  effect("is shared by fifty calls that wait for it", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: tokens("a") })
      const all = yield* Effect.all(
        Array.from({ length: 50 }, () => session.authorization),
        { concurrency: "unbounded" }
      )
      expect(new Set(all)).toEqual(new Set([`Bearer ${jwt("a", 9000)}`]))
      expect(upstream.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([login])
      expect(JSON.parse(upstream.requests[0]!.body)).toEqual({ username: "tenant@example.com", password: canaries.password })
    })
  )

  effect("continues for the others when the first call is interrupted", () =>
    Effect.gen(function* () {
      const slow = async () => {
        await Bun.sleep(50)
        return Response.json({ token: jwt("a", 9000) })
      }
      const { session, upstream } = yield* sessionOf({ [login]: slow })
      const first = yield* Effect.forkChild(session.authorization, { startImmediately: true })
      const second = yield* Effect.forkChild(session.authorization, { startImmediately: true })
      yield* Fiber.interrupt(first)
      expect(yield* Fiber.join(second)).toBe(`Bearer ${jwt("a", 9000)}`)
      expect(upstream.count(login)).toBe(1)
    })
  )

  effect("an account with a second factor is reported as unusable, and the login is not repeated", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: json({ token: jwt("a", 1800), scope: "PRE_VERIFICATION_TOKEN" }) })
      for (let i = 0; i < 5; i++) expect((yield* Effect.flip(session.authorization)).reason._tag).toBe("LoginRefused")
      expect(upstream.count(login)).toBe(1)
    })
  )

  effect("a page of another server is an invalid response", () =>
    Effect.gen(function* () {
      const { session } = yield* sessionOf({ [login]: text("<html>Welcome</html>", 200, "text/html") })
      expect((yield* Effect.flip(session.authorization)).reason._tag).toBe("InvalidResponse")
    })
  )

  effect("is repeated within seconds after a failure of ThingsBoard", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: [errorResponse(500, 2, "No database"), tokens("a")] })
      expect((yield* Effect.flip(session.authorization)).reason._tag).toBe("Unavailable")
      expect((yield* Effect.flip(session.authorization)).reason._tag).toBe("Unavailable")
      expect(upstream.count(login)).toBe(1)
      yield* TestClock.adjust("5 seconds")
      expect(yield* session.authorization).toBe(`Bearer ${jwt("a", 9000)}`)
      const logged = (yield* TestConsole.logLines).join("\n")
      expect(logged).toContain("ThingsBoard login failed: Unavailable, status (status 500, code 2)")
      for (const secret of [canaries.password, jwt("a", 9000), "No database"]) expect(logged).not.toContain(secret)
    })
  )
})

describe("rejected credentials", () => {
  effect("are not sent often enough to lock the account", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: loginRejected })
      const refused = yield* Effect.flip(session.authorization)
      expect(refused.reason).toMatchObject({ _tag: "LoginRefused", retryAt: 30_000 })
      expect(refused).toMatchObject({ status: 401, errorCode: 10 })
      // An hour of one request per second, then two days of one per minute.
      for (let second = 0; second < 3600; second++) {
        yield* TestClock.adjust("1 second")
        expect((yield* Effect.flip(session.authorization)).reason._tag).toBe("LoginRefused")
      }
      for (let minute = 0; minute < 2880; minute++) {
        yield* TestClock.adjust("1 minute")
        yield* Effect.flip(session.authorization)
      }
      expect(upstream.count(login)).toBe(8) // after 0, 30 s, 1.5 min, then pauses of 1 h, 2 h, 4 h, 8 h, 16 h
      const logged = (yield* TestConsole.logLines).join("\n")
      expect([...logged.matchAll(/The next attempt is in \d+ h/g)].map(([text]) => text)).toEqual(
        [1, 2, 4, 8, 16, 24].map((hours) => `The next attempt is in ${hours} h`)
      )
      expect(logged).not.toContain(canaries.password)
    })
  )

  effect("are replaced at once when their file changes", () =>
    Effect.gen(function* () {
      const upstream = yield* scriptedUpstream({ [login]: [loginRejected, loginRejected, loginRejected, tokens("a")] })
      const source: SecretSource = { current: undefined, onChange: undefined }
      const session = yield* make(credentials, makeTransport({ host: upstream.url, timeout: Duration.seconds(30) }), undefined, source)
      for (const pause of ["30 seconds", "1 minute", "10 minutes"] as const) {
        yield* Effect.flip(session.authorization)
        yield* TestClock.adjust(pause)
      }
      yield* Effect.flip(session.authorization)
      expect(upstream.count(login)).toBe(3)
      source.current = Redacted.make("another password")
      source.onChange?.()
      expect(yield* session.authorization).toBe(`Bearer ${jwt("a", 9000)}`)
      expect(upstream.requests.map(({ body }) => JSON.parse(body).password)).toEqual([
        ...Array(3).fill(canaries.password),
        "another password"
      ])
    })
  )

  effect("of an inactive account are sent again and again, since that locks nothing", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: errorResponse(401, 10, "User account is not active") })
      for (let minute = 0; minute < 60; minute++) {
        yield* Effect.flip(session.authorization)
        yield* TestClock.adjust("1 minute")
      }
      expect(upstream.count(login)).toBe(10) // after 0, 30 s, 1, 2, 4, 8 min, then every 10 min
    })
  )

  effect("a successful login makes the next rejection count as the first", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({
        [login]: [loginRejected, loginRejected, tokens("a", 60), loginRejected, loginRejected, tokens("b")]
      })
      for (let minute = 0; minute < 10; minute++) {
        yield* Effect.ignore(session.authorization)
        yield* TestClock.adjust("1 minute")
      }
      expect(yield* session.authorization).toBe(`Bearer ${jwt("b", 9000)}`)
      expect(upstream.count(login)).toBe(6)
    })
  )

  effect("are used again once ThingsBoard accepts them", () =>
    Effect.gen(function* () {
      const { session } = yield* sessionOf({ [login]: [loginRejected, tokens("a")] })
      yield* Effect.flip(session.authorization)
      yield* TestClock.adjust("30 seconds")
      expect(yield* session.authorization).toBe(`Bearer ${jwt("a", 9000)}`)
    })
  )

  effect("a new token that is rejected stops all calls for a while", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: () => Response.json({ token: jwt(crypto.randomUUID(), 9000) }) })
      let logins = 0
      for (let minute = 0; minute < 60; minute++) {
        const outcome = yield* Effect.result(session.authorization)
        if (outcome._tag === "Success") {
          logins++
          expect((yield* Effect.flip(session.replaceRefused(outcome.success))).reason._tag).toBe("LoginRefused")
        }
        yield* TestClock.adjust("1 minute")
      }
      expect(upstream.count(login)).toBe(logins)
      expect(logins).toBeLessThanOrEqual(10)
    })
  )

  effect("a rejected token that had worked for a while leads to one new login", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: [tokens("a"), tokens("b")] })
      const old = yield* session.authorization
      yield* TestClock.adjust("10 minutes")
      const fresh = yield* Effect.all(
        Array.from({ length: 20 }, () => session.replaceRefused(old)),
        { concurrency: "unbounded" }
      )
      expect(new Set(fresh)).toEqual(new Set([`Bearer ${jwt("b", 9000)}`]))
      expect(upstream.count(login)).toBe(2)
      expect(upstream.count(refresh)).toBe(0)
    })
  )
})

describe("renewing a token", () => {
  effect("happens in the background, before the token expires, whatever ThingsBoard's clock says", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: tokens("a", 100), [refresh]: tokens("b", 100) })
      const first = yield* session.authorization
      yield* TestClock.adjust("79 seconds")
      expect(yield* session.authorization).toBe(first)
      expect(upstream.count(refresh)).toBe(0)
      yield* TestClock.adjust("1 second")
      const waits = yield* Effect.all(
        Array.from({ length: 50 }, () => session.authorization),
        { concurrency: "unbounded" }
      )
      expect(new Set(waits)).toEqual(new Set([first]))
      yield* settled(() => upstream.count(refresh) === 1)
      expect(yield* session.authorization).toBe(`Bearer ${jwt("b", 100)}`)
      expect(JSON.parse(upstream.requests[1]!.body)).toEqual({ refreshToken: jwt("refresh-a", 604_800) })
      expect(upstream.count(login)).toBe(1)
    })
  )

  effect("happens before the last moment of a token", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: tokens("a", 60), [refresh]: tokens("b", 60) })
      yield* session.authorization
      yield* TestClock.adjust("55 seconds")
      expect(yield* session.authorization).toBe(`Bearer ${jwt("b", 60)}`)
      expect(upstream.count(refresh)).toBe(1)
    })
  )

  effect("falls back to a login when the refresh is rejected", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({
        [login]: [tokens("a"), tokens("b")],
        [refresh]: errorResponse(500, 2, "Invalid Refresh Token scope")
      })
      const old = yield* session.authorization
      const fresh = yield* Effect.all(
        Array.from({ length: 20 }, () => session.renew(old)),
        { concurrency: "unbounded" }
      )
      expect(new Set(fresh)).toEqual(new Set([`Bearer ${jwt("b", 9000)}`]))
      expect(upstream.count(login)).toBe(2)
    })
  )

  effect("is not repeated in a loop while ThingsBoard is unavailable, and the token stays in use", () =>
    Effect.gen(function* () {
      const paths: Array<string> = []
      const session = yield* make(credentials, {
        send: ({ path }) => {
          paths.push(path)
          return path === "/api/auth/login"
            ? Effect.succeed(Buffer.from(JSON.stringify({ token: jwt("a", 1000), refreshToken: "r" })))
            : Effect.fail(new ThingsBoardError({ reason: new Unavailable({ why: "refused" }) }))
        }
      })
      const first = yield* session.authorization
      yield* TestClock.adjust("800 seconds")
      for (let tenth = 0; tenth < 600; tenth++) {
        expect(yield* session.authorization).toBe(first)
        yield* TestClock.adjust("100 millis")
      }
      const refreshes = paths.filter((path) => path === "/api/auth/token").length
      expect(refreshes).toBeGreaterThan(10) // a minute of attempts, soon every 5 s
      expect(refreshes).toBeLessThan(20)
      expect(paths.length - refreshes).toBe(1)
    })
  )
})

describe("an API key", () => {
  const withKey = Effect.fnUntraced(function* (script: Script) {
    const upstream = yield* scriptedUpstream(script)
    const session = yield* make(
      { _tag: "ApiKey", key: Redacted.make("tb_a-secret-key") },
      makeTransport({ host: upstream.url, timeout: Duration.seconds(2) })
    )
    return { session, upstream }
  })

  effect("needs no login", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* withKey({ [whoami]: user("CUSTOMER_USER") })
      expect(yield* session.authorization).toBe("ApiKey tb_a-secret-key")
      expect((yield* session.identity).authority).toBe("CUSTOMER_USER")
      expect(upstream.requests.map(({ headers, path }) => [path, headers["x-authorization"]])).toEqual([
        ["/api/auth/user", "ApiKey tb_a-secret-key"]
      ])
    })
  )

  effect("that is rejected is not sent for a while", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* withKey({ [whoami]: [loginRejected, user()] })
      expect((yield* Effect.flip(session.identity)).reason._tag).toBe("LoginRefused")
      expect((yield* Effect.flip(session.identity)).reason._tag).toBe("LoginRefused")
      expect(upstream.count(whoami)).toBe(1)
      yield* TestClock.adjust("30 seconds")
      expect((yield* session.identity).authority).toBe("TENANT_ADMIN")
    })
  )
})

describe("the user of a session", () => {
  effect("is read once, however many calls need it", () =>
    Effect.gen(function* () {
      const { session, upstream } = yield* sessionOf({ [login]: tokens("a"), [whoami]: user() })
      const all = yield* Effect.all(
        Array.from({ length: 20 }, () => session.identity),
        { concurrency: "unbounded" }
      )
      expect(all[0]).toEqual({
        authority: "TENANT_ADMIN",
        tenantId: "0b5a2a70-1111-11ee-8888-000000000001",
        customerId: "13814000-1dd2-11b2-8080-808080808080"
      })
      yield* session.identity
      expect(upstream.count(whoami)).toBe(1)
    })
  )

  effect("is read again after an invalid response", () =>
    Effect.gen(function* () {
      const { session } = yield* sessionOf({ [login]: tokens("a"), [whoami]: [json({ authority: "KING" }), user()] })
      expect((yield* Effect.flip(session.identity)).reason._tag).toBe("InvalidResponse")
      expect((yield* session.identity).authority).toBe("TENANT_ADMIN")
    })
  )
})
