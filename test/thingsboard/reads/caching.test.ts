/** Responses that are used again: for how long, by whom, and until which write. */
import { expect } from "bun:test"
import { Clock, Duration, Effect, Fiber } from "effect"
import { withoutSharedReads } from "../../../src/thingsboard/reads/SharedReads.ts"
import { saveAttributes } from "../../../src/thingsboard/requests/attributes.ts"
import { saveTelemetry } from "../../../src/thingsboard/requests/telemetry.ts"
import { live } from "../../support/effectTest.ts"
import { makeSteppingClock } from "../../support/steppingClock.ts"
import { device, openReads, other, restrictedTo } from "./openReads.ts"

const path = `/api/device/${device}`
const latestOf = (id: string) => `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=a&useStrictDataTypes=true`
const query = (latestValues: ReadonlyArray<object>) =>
  JSON.stringify({ entityFilter: {}, entityFields: [], latestValues, keyFilters: [], pageLink: {} })

/** Reads of the same texts, each of them answered by its own number if it makes a call. */
const open = Effect.fnUntraced(function* (ttl = 60, latest = 60) {
  const it = yield* openReads({ cacheTtl: Duration.seconds(ttl), cacheTtlLatest: Duration.seconds(latest) })
  let answers = 0
  /** The response, and whether it took a call. */
  const ask = (read: Effect.Effect<Buffer | string, unknown>) =>
    Effect.gen(function* () {
      const before = it.calls.length
      const reading = yield* Effect.forkChild(read)
      const answering = yield* Effect.forkChild(it.release(String(++answers)))
      const found = String(yield* Fiber.join(reading))
      yield* Fiber.interrupt(answering)
      return [found, it.calls.length - before] as const
    }).pipe(Effect.orDie)
  const write = (call: Effect.Effect<void, unknown>) =>
    Effect.all([call, it.release(new Response(null))], { concurrency: "unbounded", discard: true }).pipe(Effect.orDie)
  return { ...it, ask, write }
})

live("a response is used again until it expires, whatever the system's clock does", () => {
  const { clock, pass, stepBy } = makeSteppingClock()
  return Effect.gen(function* () {
    const { ask, read } = yield* open(2)
    expect(yield* ask(read(path))).toEqual(["1", 1])
    expect(yield* ask(read(path))).toEqual(["1", 0])
    stepBy(-3_600_000)
    pass(1500)
    expect(yield* ask(read(path))).toEqual(["1", 0])
    stepBy(7_200_000)
    expect(yield* ask(read(path))).toEqual(["1", 0])
    pass(1000)
    expect(yield* ask(read(path))).toEqual(["5", 1])
  }).pipe(Effect.provideService(Clock.Clock, clock))
})

live("latest values have their own lifetime, and 0 caches nothing", () =>
  Effect.gen(function* () {
    for (const [ttl, latest] of [
      [60, 0],
      [0, 60]
    ] as const) {
      const { ask, read, thingsBoard } = yield* open(ttl, latest)
      const find = (columns: ReadonlyArray<object>) => thingsBoard.post("/api/entitiesQuery/find", query(columns), { idempotent: true })
      for (const [what, lifetime] of [
        [read(path), ttl],
        [find([]), ttl],
        [read(latestOf(device)), latest],
        [find([{ type: "TIME_SERIES", key: "a" }]), latest]
      ] as const) {
        yield* ask(what)
        expect((yield* ask(what))[1]).toBe(lifetime > 0 ? 0 : 1)
      }
    }
  })
)

live("callers with different restrictions or users share no response", () =>
  Effect.gen(function* () {
    const { ask, otherUser, read } = yield* open()
    const user = (yield* otherUser)!
    const [meters, sensors] = [restrictedTo("meter"), restrictedTo("sensor")]
    const ways = [read(path), meters(read(path)), sensors(read(path)), Effect.map(user.get(path), String)]
    for (const [i, way] of ways.entries()) expect(yield* ask(way)).toEqual([String(i + 1), 1])
    for (const [i, way] of ways.entries()) expect(yield* ask(way)).toEqual([String(i + 1), 0])
  })
)

live("an error is not kept, and neither is what an export reads", () =>
  Effect.gen(function* () {
    const { ask, read, release } = yield* open()
    const failing = yield* Effect.forkChild(Effect.exit(read(path)))
    yield* release(new Response("{}", { status: 404 }))
    expect((yield* Fiber.join(failing))._tag).toBe("Failure")
    expect((yield* ask(withoutSharedReads(read(path))))[1]).toBe(1)
    expect((yield* ask(read(path)))[1]).toBe(1)
    expect((yield* ask(read(path)))[1]).toBe(0)
    expect((yield* ask(withoutSharedReads(read(path))))[1]).toBe(1)
  })
)

live("a write ends the use of what it may have changed, for all users, and of nothing else", () =>
  Effect.gen(function* () {
    const { ask, otherUser, read, thingsBoard, write } = yield* open()
    const user = (yield* otherUser)!
    const find = thingsBoard.post("/api/entitiesQuery/find", query([{ type: "TIME_SERIES", key: "a" }]), { idempotent: true })
    const reads = {
      entity: read(path),
      infos: read("/api/tenant/deviceInfos?active=true"),
      keys: read(`/api/plugins/telemetry/DEVICE/${device}/keys/timeseries`),
      latest: read(latestOf(device)),
      ofOtherUser: Effect.map(user.get(latestOf(device)), String),
      ofMany: find,
      ofOtherDevice: read(latestOf(other))
    }
    const called = Effect.map(
      Effect.forEach(Object.entries(reads), ([name, what]) => Effect.map(ask(what), ([, calls]) => (calls > 0 ? [name] : []))),
      (names) => names.flat()
    )
    expect(yield* called).toEqual(Object.keys(reads))
    expect(yield* called).toEqual([])
    yield* write(saveTelemetry(thingsBoard, device, '{"ts":1,"values":{"a":1}}'))
    expect(yield* called).toEqual(["keys", "latest", "ofOtherUser", "ofMany"])
    yield* write(saveAttributes(thingsBoard, device, "server", '{"a":1}'))
    expect(yield* called).toEqual(["infos", "keys", "latest", "ofOtherUser", "ofMany"])
    yield* write(Effect.asVoid(thingsBoard.post("/api/unknown", "{}", { write: true })))
    expect(yield* called).toEqual(Object.keys(reads))
  })
)

live("the response of a read that began before a write had ended is not kept, whether the write succeeds or not", () =>
  Effect.gen(function* () {
    const { arrived, ask, calls, held, read, thingsBoard } = yield* open()
    for (const [status, id] of [
      [200, device],
      [400, other]
    ] as const) {
      calls.length = held.length = 0
      const writing = yield* Effect.forkChild(Effect.exit(saveTelemetry(thingsBoard, id, '{"ts":1,"values":{"a":1}}')))
      yield* arrived(1)
      const during = yield* Effect.forkChild(read(latestOf(id)))
      yield* arrived(2)
      held[0]!.respond(new Response(status === 200 ? null : "{}", { status }))
      yield* Fiber.join(writing)
      held[1]!.respond(Response.json("before"))
      expect(yield* Fiber.join(during)).toBe('"before"')
      held.length = 0
      expect((yield* ask(read(latestOf(id))))[1]).toBe(1)
    }
  })
)
