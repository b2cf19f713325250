import { describe, expect, test } from "bun:test"
import { Clock, Duration, Effect, Exit, Fiber, Tracer } from "effect"
import { make } from "../../../src/thingsboard/transport/Transport.ts"
import { live } from "../../support/effectTest.ts"
import { makeMovableClock } from "../../support/movableClock.ts"
import { rawServer, response } from "../../support/rawServer.ts"
import { errorResponse, json, scriptedUpstream, text } from "../../support/scriptedUpstream.ts"

const get = { method: "GET", path: "/api/thing", headers: { "x-authorization": "Bearer a-secret-token" }, repeatable: true } as const
const post = { method: "POST", path: "/api/thing", headers: {}, body: "{}", repeatable: false } as const
const thing = "GET /api/thing"
const seconds = Duration.seconds

/** Each connection serves the given number of requests, then is closed at the next one. */
const breaking = (responsesEach: number) =>
  Effect.map(
    rawServer({
      onRequest: (one) => {
        if (one.requests > responsesEach) one.reset()
        else one.write(response("{}", "Content-Type: application/json\r\n"))
      }
    }),
    ({ connections, port }) => ({ url: `http://127.0.0.1:${port}`, connections })
  )

describe("a response", () => {
  live("arrives byte for byte, with the path prefix of the host", () =>
    Effect.gen(function* () {
      const upstream = yield* scriptedUpstream({ "GET /tb/api/thing": text('{"a":9007199254740993.10}', 200) })
      expect((yield* make({ host: `${upstream.url}/tb/`, timeout: seconds(2) }).send(get)).toString()).toBe('{"a":9007199254740993.10}')
    })
  )

  live("that redirects is not followed", () =>
    Effect.gen(function* () {
      const upstream = yield* scriptedUpstream({
        [thing]: () => new Response(null, { status: 302, headers: { location: "/oauth2Login" } }),
        "POST /api/thing": () => new Response(null, { status: 307, headers: { location: "/api/other" } }),
        "GET /oauth2Login": json({ secret: true })
      })
      const { send } = make({ host: upstream.url, timeout: seconds(2) })
      expect((yield* Effect.flip(send(get))).reason._tag).toBe("LoginRefused")
      expect((yield* Effect.flip(send(post))).reason).toMatchObject({ _tag: "Unavailable", why: "redirect" })
      expect(upstream.requests).toHaveLength(2)
    })
  )

  live("that does not come in time is abandoned, together with the connection", () =>
    Effect.gen(function* () {
      const gone = Promise.withResolvers<void>()
      const upstream = yield* scriptedUpstream({
        [thing]: (_, request) => {
          request.signal.addEventListener("abort", () => gone.resolve())
          return new Promise<Response>(() => {})
        }
      })
      expect((yield* Effect.flip(make({ host: upstream.url, timeout: Duration.millis(150) }).send(get))).reason._tag).toBe("Timeout")
      yield* Effect.promise(() => gone.promise)
      expect(upstream.requests).toHaveLength(1)
    })
  )

  live("that nobody waits for any more is aborted", () =>
    Effect.gen(function* () {
      const asked = Promise.withResolvers<void>()
      const gone = Promise.withResolvers<void>()
      const upstream = yield* scriptedUpstream({
        [thing]: (_, request) => {
          request.signal.addEventListener("abort", () => gone.resolve())
          asked.resolve()
          return new Promise<Response>(() => {})
        }
      })
      const fiber = yield* Effect.forkChild(make({ host: upstream.url, timeout: seconds(10) }).send(get), { startImmediately: true })
      yield* Effect.promise(() => asked.promise)
      yield* Fiber.interrupt(fiber)
      yield* Effect.promise(() => gone.promise)
    })
  )
})

describe("resending", () => {
  live("hides that ThingsBoard had closed a connection", () =>
    Effect.gen(function* () {
      const upstream = yield* breaking(3)
      const { send } = make({ host: upstream.url, timeout: seconds(5) })
      for (let i = 0; i < 20; i++) expect((yield* send(get)).toString()).toBe("{}")
      expect(upstream.connections.length).toBeGreaterThan(5)
    })
  )

  live("is done a few times if nothing listens", () =>
    Effect.gen(function* () {
      const upstream = yield* breaking(0)
      expect((yield* Effect.flip(make({ host: upstream.url, timeout: seconds(5) }).send(get))).reason).toMatchObject({
        _tag: "Unavailable",
        why: "broken"
      })
      const refused = yield* Effect.flip(make({ host: "http://127.0.0.1:1", timeout: seconds(5) }).send(get))
      expect(refused.reason).toMatchObject({ _tag: "Unavailable", why: "refused" })
    })
  )

  live("is not done for data that must not be stored twice", () =>
    Effect.gen(function* () {
      const upstream = yield* scriptedUpstream({ "POST /api/thing": text("", 503) })
      const { send } = make({ host: upstream.url, timeout: seconds(5) })
      expect((yield* Effect.flip(send(post))).status).toBe(503)
      expect(upstream.requests).toHaveLength(1)
      yield* Effect.flip(send({ ...post, repeatable: true }))
      expect(upstream.requests).toHaveLength(5)
    })
  )

  live("is not needed for such data when ThingsBoard closes idle connections: it has a connection of its own", () =>
    Effect.gen(function* () {
      const upstream = yield* breaking(3)
      const { send } = make({ host: upstream.url, timeout: seconds(5) })
      for (let i = 0; i < 20; i++) {
        expect((yield* send(get)).toString()).toBe("{}")
        expect((yield* send(post)).toString()).toBe("{}")
      }
    })
  )

  live("helps when a proxy cannot reach ThingsBoard for a moment", () =>
    Effect.gen(function* () {
      const upstream = yield* scriptedUpstream({ [thing]: [text("<html>", 502, "text/html"), text("", 503), json([1])] })
      expect((yield* make({ host: upstream.url, timeout: seconds(5) }).send(get)).toString()).toBe("[1]")
    })
  )

  live("ends at the deadline", () =>
    Effect.gen(function* () {
      const { clock, moveForward } = yield* makeMovableClock
      const upstream = yield* scriptedUpstream({
        [thing]: (received, request) => {
          // What remains is shorter than the shortest pause.
          moveForward(9_995)
          return text("", 503)(received, request)
        }
      })
      const failed = Effect.flip(make({ host: upstream.url, timeout: seconds(10) }).send(get))
      expect((yield* Effect.provideService(failed, Clock.Clock, clock)).status).toBe(503)
      expect(upstream.requests).toHaveLength(1)
    })
  )

  live("is not done after a failure that would happen again", () =>
    Effect.gen(function* () {
      const upstream = yield* scriptedUpstream({
        [thing]: [errorResponse(404, 32, "x"), errorResponse(500, 2, "x"), errorResponse(429, 33, "x"), json([])]
      })
      const { send } = make({ host: upstream.url, timeout: seconds(5) })
      const tags = yield* Effect.forEach([1, 2, 3], () => Effect.map(Effect.flip(send(get)), ({ reason }) => reason._tag))
      expect(tags).toEqual(["NotFound", "Unavailable", "RateLimited"])
      expect(upstream.requests).toHaveLength(3)
    })
  )

  live("a truncated response counts as a broken connection", () =>
    Effect.gen(function* () {
      const { port } = yield* rawServer({
        onRequest: (one) => {
          one.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
          one.end()
        }
      })
      const cut = yield* Effect.flip(make({ host: `http://127.0.0.1:${port}`, timeout: seconds(5) }).send(get))
      expect(cut.reason).toMatchObject({ _tag: "Unavailable", why: "broken" })
    })
  )
})

describe("traces", () => {
  const recorder = () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return { spans, tracer }
  }

  live("each call has a span, and ThingsBoard gets its id", () =>
    Effect.gen(function* () {
      const id = "784f394c-42b6-435a-983c-b7beff2784f9"
      const upstream = yield* scriptedUpstream({
        [`GET /api/device/${id}`]: [errorResponse(404, 32, "Device with id is not found"), json({})]
      })
      const { spans, tracer } = recorder()
      const { send } = make({ host: upstream.url, timeout: seconds(2) })
      const call = send({ ...get, path: `/api/device/${id}?a=1` })
      yield* Effect.exit(call).pipe(Effect.andThen(call), Effect.withSpan("request"), Effect.withTracer(tracer))
      const [parent, first, second] = spans
      expect([first!.name, first!.kind, first!.attributes.get("http.response.status_code")]).toEqual([
        "GET /api/device/{id}",
        "client",
        404
      ])
      expect(second!.attributes.get("http.response.status_code")).toBe(200)
      expect(second!.traceId).toBe(parent!.traceId)
      expect(upstream.requests.map(({ headers }) => headers["traceparent"])).toEqual(
        spans.slice(1).map((span) => `00-${parent!.traceId}-${span.spanId}-01`)
      )
      const printed = Bun.inspect(spans.map(({ attributes, name, status }) => [name, attributes, status]))
      expect(printed).not.toContain("a-secret-token")
      expect(printed).not.toContain(id)
    })
  )

  live("the caller's trace reaches ThingsBoard even if nothing is recorded here", () =>
    Effect.gen(function* () {
      const upstream = yield* scriptedUpstream({ [thing]: json({}) })
      const { send } = make({ host: upstream.url, timeout: seconds(2) })
      const caller = Tracer.externalSpan({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true })
      yield* Effect.withParentSpan(send(get), caller)
      yield* send(get)
      expect(upstream.requests.map(({ headers }) => headers["traceparent"])).toEqual([
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        undefined as never
      ])
    })
  )
})

live("no error contains what was sent", () =>
  Effect.gen(function* () {
    const upstream = yield* scriptedUpstream({ [thing]: errorResponse(400, 31, "What ThingsBoard says of tenant@example.com") })
    const errors = yield* Effect.forEach([upstream.url, "http://127.0.0.1:1"], (url) =>
      Effect.exit(make({ host: url, timeout: seconds(1) }).send({ ...get, repeatable: false }))
    )
    const printed = errors.map((exit) => `${String(exit)} ${JSON.stringify(exit)} ${Bun.inspect(exit)}`).join()
    expect(errors.every(Exit.isFailure)).toBe(true)
    expect(printed).toContain("Rejected")
    for (const secret of ["a-secret-token", "tenant@example.com", "127.0.0.1:1"]) expect(printed).not.toContain(secret)
  })
)

test("an invalid host is a bug, since the settings were checked", () => {
  expect(() => make({ host: "nonsense", timeout: seconds(1) })).toThrow()
})
