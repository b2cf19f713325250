import { describe, expect } from "bun:test"
import { Effect, Layer, Redacted } from "effect"
import { TestConsole } from "effect/testing"
import { Settings } from "../../src/config/Settings.ts"
import { EventLoop } from "../../src/platform/EventLoop.ts"
import { Session } from "../../src/thingsboard/auth/Session.ts"
import { ThingsBoard } from "../../src/thingsboard/ThingsBoard.ts"
import { effect } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"
import {
  tokenExpired,
  errorResponse,
  json,
  jwt,
  loginRejected,
  type Script,
  scriptedUpstream,
  text,
  tokens,
  user
} from "../support/scriptedUpstream.ts"

const login = "POST /api/auth/login"
const refresh = "POST /api/auth/token"
const id = "784f394c-42b6-435a-983c-b7beff2784f9"
const device = `GET /api/device/${id}`
const bearer = (name: string) => `Bearer ${jwt(name, 9000)}`

const open = Effect.fnUntraced(function* (script: Script, settings: Parameters<typeof Settings.layerTest>[0] = {}) {
  const upstream = yield* scriptedUpstream({ [login]: tokens("a"), [refresh]: tokens("b"), ...script })
  const tbCredentials = { _tag: "Password", username: "tenant@example.com", password: Redacted.make(canaries.password) } as const
  const context = yield* Layer.build(
    ThingsBoard.layer.pipe(
      Layer.provideMerge(Session.layer),
      Layer.provide(EventLoop.layer),
      Layer.provide(Settings.layerTest({ tbHost: upstream.url, tbCredentials, ...settings }))
    )
  )
  const { thingsBoard } = yield* Effect.provide(Effect.all({ thingsBoard: ThingsBoard }), context)
  return { thingsBoard, upstream }
})

const tokensUsed = (upstream: { readonly requests: ReadonlyArray<{ readonly path: string; readonly headers: Record<string, string> }> }) =>
  upstream.requests.filter(({ path }) => !path.startsWith("/api/auth")).map(({ headers }) => headers["x-authorization"])

describe("the session's authorization", () => {
  effect("is sent with every call", () =>
    Effect.gen(function* () {
      const { thingsBoard, upstream } = yield* open({ [device]: json({ name: "Hall" }) })
      expect((yield* thingsBoard.get(`/api/device/${id}`)).toString()).toBe('{"name":"Hall"}')
      yield* thingsBoard.get(`/api/device/${id}`)
      expect(tokensUsed(upstream)).toEqual([bearer("a"), bearer("a")])
      expect(upstream.count(login)).toBe(1)
    })
  )

  effect("an expired token is renewed and the call sent once more, unnoticed by its caller", () =>
    Effect.gen(function* () {
      const answers = (asked: { readonly headers: Record<string, string> }, request: Request) =>
        (asked.headers["x-authorization"] === bearer("a") ? tokenExpired : json({ name: "Hall" }))(asked as never, request)
      const { thingsBoard, upstream } = yield* open({ [device]: answers }, { coalesceReads: false })
      const all = yield* Effect.all(
        Array.from({ length: 20 }, () => thingsBoard.get(`/api/device/${id}`)),
        { concurrency: "unbounded" }
      )
      expect(all.map(String)).toEqual(Array.from({ length: 20 }, () => '{"name":"Hall"}'))
      expect([upstream.count(login), upstream.count(refresh), upstream.count(device)]).toEqual([1, 1, 40])
    })
  )

  effect("a renewed token that is reported as expired is not renewed in a loop", () =>
    Effect.gen(function* () {
      const { thingsBoard, upstream } = yield* open({ [device]: tokenExpired })
      for (let i = 0; i < 10; i++) expect((yield* Effect.flip(thingsBoard.get(`/api/device/${id}`))).reason._tag).toBe("LoginRefused")
      expect([upstream.count(login), upstream.count(refresh), upstream.count(device)]).toEqual([1, 1, 2])
    })
  )

  effect("a new token that is rejected fails all calls for a while", () =>
    Effect.gen(function* () {
      const { thingsBoard, upstream } = yield* open({ [device]: loginRejected })
      for (let i = 0; i < 10; i++) {
        expect((yield* Effect.flip(thingsBoard.get(`/api/device/${id}`))).reason).toMatchObject({ _tag: "LoginRefused", retryAt: 30_000 })
      }
      expect([upstream.count(login), upstream.count(refresh), upstream.count(device)]).toEqual([1, 0, 1])
    })
  )

  effect("an API key is sent as such", () =>
    Effect.gen(function* () {
      const tbCredentials = { _tag: "ApiKey", key: Redacted.make("tb_a-secret-key") } as const
      const { thingsBoard, upstream } = yield* open({ [device]: json({}) }, { tbCredentials })
      yield* thingsBoard.get(`/api/device/${id}`)
      expect(upstream.requests.map(({ headers, path }) => [path, headers["x-authorization"]])).toEqual([
        [`/api/device/${id}`, "ApiKey tb_a-secret-key"]
      ])
    })
  )
})

describe("history", () => {
  const newRoute = `GET /api/plugins/telemetry/DEVICE/${id}/values/timeseries/history`
  const oldRoute = `GET /api/plugins/telemetry/DEVICE/${id}/values/timeseries`
  const request = { deviceId: id, keys: ["a"], start: 1, end: 2, limit: 10 }

  effect("is read from the route of 4.1 if it is the only one, and the route is remembered", () =>
    Effect.gen(function* () {
      const { thingsBoard, upstream } = yield* open({ [oldRoute]: json({ a: [{ ts: 1, value: 2 }] }) })
      for (let i = 0; i < 3; i++) expect((yield* thingsBoard.history(request)).toString()).toBe('{"a":[{"ts":1,"value":2}]}')
      expect([upstream.count(newRoute), upstream.count(oldRoute)]).toEqual([1, 3])
      expect(upstream.requests.at(-1)!.path).toBe(
        `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=a&startTs=1&endTs=2&orderBy=ASC&limit=10&useStrictDataTypes=true`
      )
    })
  )

  effect("is read from the route of 4.4 if the old one is missing or reads something else", () =>
    Effect.gen(function* () {
      const { thingsBoard, upstream } = yield* open({ [newRoute]: json({}), [oldRoute]: json({ a: [{ ts: 9, value: "latest" }] }) })
      yield* thingsBoard.history(request)
      yield* thingsBoard.history(request)
      expect([upstream.count(newRoute), upstream.count(oldRoute)]).toEqual([2, 0])
    })
  )

  effect("is read from the new route after an upgrade that removed the old one", () =>
    Effect.gen(function* () {
      const gone = errorResponse(404, 32, "No static resource")
      const { thingsBoard, upstream } = yield* open({ [newRoute]: [gone, json({})], [oldRoute]: [json({}), gone] })
      for (let i = 0; i < 3; i++) yield* thingsBoard.history(request)
      expect([upstream.count(newRoute), upstream.count(oldRoute)]).toEqual([3, 2])
    })
  )

  effect("a key with a comma has a parameter of its own from 4.3.1.1, and fails before", () =>
    Effect.gen(function* () {
      const info = (version: string) => ({ "GET /api/system/info": json({ version }), [newRoute]: json({}), [oldRoute]: json({}) })
      const commas = { ...request, keys: ["a", "b,c"] }
      const current = yield* open(info("4.3.1.3"))
      yield* current.thingsBoard.history(commas)
      yield* current.thingsBoard.latest(id, ["b,c"])
      expect(current.upstream.count("GET /api/system/info")).toBe(1)
      expect(current.upstream.requests.at(-2)!.path).toContain("/history?key=a&key=b%2Cc&startTs=1")
      expect(current.upstream.requests.at(-1)!.path).toContain("/timeseries?key=b%2Cc&useStrict")

      for (const version of ["4.1", "4.3.0.1", "unknown"]) {
        const old = yield* open(info(version))
        const refused = yield* Effect.flip(old.thingsBoard.history(commas))
        expect(refused.reason._tag).toBe("Unsupported")
        expect(old.upstream.count(newRoute) + old.upstream.count(oldRoute)).toBe(0)
        expect(yield* old.thingsBoard.readsKeysWithCommas).toBe(false)
      }
    })
  )

  effect("a key with a comma can be read after an upgrade, without a restart", () =>
    Effect.gen(function* () {
      const info = [json({ version: "4.3.0.1" }), json({ version: "4.3.1.1" })]
      const { thingsBoard, upstream } = yield* open({ "GET /api/system/info": info })
      expect(yield* thingsBoard.readsKeysWithCommas).toBe(false)
      for (let i = 0; i < 3; i++) expect(yield* thingsBoard.readsKeysWithCommas).toBe(true)
      expect(upstream.count("GET /api/system/info")).toBe(2)
    })
  )
})

describe("writing", () => {
  effect("sends the text unchanged", () =>
    Effect.gen(function* () {
      const path = `/api/plugins/telemetry/DEVICE/${id}/timeseries/ANY`
      const { thingsBoard, upstream } = yield* open({ [`POST ${path}`]: text("", 200) })
      yield* thingsBoard.post(path, '[{"ts":1,"values":{"a":12345678901234567890.10}}]')
      expect(upstream.requests.at(-1)).toMatchObject({
        body: '[{"ts":1,"values":{"a":12345678901234567890.10}}]',
        headers: { "content-type": "application/json" }
      })
    })
  )
})

describe("the typed client", () => {
  const find = "POST /api/relations"
  const query = {
    parameters: { rootId: id, rootType: "ASSET", direction: "FROM", relationTypeGroup: "COMMON", maxLevel: 1, fetchLastLevelOnly: false },
    filters: []
  } as const

  effect("uses the same session", () =>
    Effect.gen(function* () {
      const { thingsBoard, upstream } = yield* open({
        [find]: [tokenExpired, json([])],
        "GET /api/tenant/devices": json({ data: [], totalPages: 0, totalElements: 0, hasNext: false })
      })
      expect(yield* thingsBoard.call((client) => client.relations.findRelations({ payload: query }))).toEqual([])
      expect(JSON.parse(upstream.requests.at(-1)!.body)).toEqual(query)
      const page = yield* thingsBoard.call((client) =>
        client.devices.tenantDevices({ query: { pageSize: 10, page: 0, textSearch: "a b&c" } })
      )
      expect(page.hasNext).toBe(false)
      expect(upstream.requests.at(-1)!.path).toBe("/api/tenant/devices?pageSize=10&page=0&textSearch=a+b%26c")
      expect(tokensUsed(upstream)).toEqual([bearer("a"), bearer("b"), bearer("b")])
    })
  )

  effect("fails in the same way", () =>
    Effect.gen(function* () {
      const { thingsBoard } = yield* open({
        [find]: [errorResponse(403, 20, "You don't have permission"), json([{ from: 1 }]), text("<html>", 200, "text/html")]
      })
      const reasons = yield* Effect.forEach([1, 2, 3], () =>
        Effect.map(
          Effect.flip(thingsBoard.call((client) => client.relations.findRelations({ payload: query }))),
          ({ reason }) => reason._tag
        )
      )
      expect(reasons).toEqual(["Forbidden", "InvalidResponse", "InvalidResponse"])
    })
  )
})

effect("no failure contains a secret, logged or printed", () =>
  Effect.gen(function* () {
    const { thingsBoard } = yield* open({
      [login]: [errorResponse(500, 2, "tenant@example.com"), tokens("a")],
      [device]: [tokenExpired, loginRejected],
      "GET /api/auth/user": user()
    })
    const printed: Array<string> = []
    for (let i = 0; i < 4; i++) {
      const exit = yield* Effect.exit(Effect.tapCause(thingsBoard.get(`/api/device/${id}`), Effect.logError))
      printed.push(String(exit), JSON.stringify(exit), Bun.inspect(exit))
    }
    const all = [...printed, ...(yield* TestConsole.logLines).map(String), ...(yield* TestConsole.errorLines).map(String)].join("\n")
    expect(all).toContain("Unavailable")
    for (const secret of [canaries.password, jwt("a", 9000), jwt("refresh-a", 604_800), "Bearer", "tenant@example.com"])
      expect(all).not.toContain(secret)
  })
)
