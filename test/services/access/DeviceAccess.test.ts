import { expect } from "bun:test"
import { Clock, Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../../src/config/Settings.ts"
import { EntityNotFound } from "../../../src/domain/Errors.ts"
import { DeviceAccess } from "../../../src/services/access/DeviceAccess.ts"
import { Visibility } from "../../../src/domain/Visibility.ts"
import { CurrentVisibility } from "../../../src/services/access/CurrentVisibility.ts"
import { Forbidden, NotFound, ThingsBoardError, Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { effect } from "../../support/effectTest.ts"
import { makeSteppingClock } from "../../support/steppingClock.ts"
import { failWith, stubThingsBoard } from "../../support/stubThingsBoard.ts"

const id = "784f394c-42b6-435a-983c-b7beff2784f9"
const device = Effect.succeed(Buffer.from(`{"id":{"entityType":"DEVICE","id":"${id}"},"name":"Hall","type":"meter","label":null}`))

/** DeviceAccess over a ThingsBoard that gives these responses in turn, and the last one from then on. */
const setUp = Effect.fnUntraced(function* (...responses: ReadonlyArray<Effect.Effect<Buffer, ThingsBoardError>>) {
  const paths: Array<string> = []
  const get = (path: string) => Effect.suspend(() => responses[Math.min(paths.push(path), responses.length) - 1]!)
  const access = yield* Effect.provide(
    DeviceAccess,
    yield* Layer.build(
      DeviceAccess.layer.pipe(Layer.provide(Layer.merge(stubThingsBoard({ get }), Settings.layerTest({ cacheTtl: Duration.seconds(10) }))))
    )
  )
  return { paths, requireVisible: access.requireVisible }
})

effect("a visible device is cached for CACHE_TTL, in any spelling of its id", () =>
  Effect.gen(function* () {
    const { paths, requireVisible } = yield* setUp(device)
    expect(yield* requireVisible(id)).toEqual({ id, name: "Hall", type: "meter" })
    yield* TestClock.adjust("9 seconds")
    yield* requireVisible(id.toUpperCase())
    expect(paths).toEqual([`/api/device/${id}`])
    yield* TestClock.adjust("2 seconds")
    yield* requireVisible(id)
    expect(paths.length).toBe(2)
  })
)

effect("a device is looked up again after CACHE_TTL, even if the clock was set back meanwhile", () => {
  const { clock, pass, stepBy } = makeSteppingClock()
  return Effect.gen(function* () {
    const { paths, requireVisible } = yield* setUp(device, failWith(new NotFound()))
    yield* requireVisible(id)
    stepBy(-3_600_000)
    yield* requireVisible(id)
    expect(paths.length).toBe(1)
    pass(11_000)
    expect(yield* Effect.flip(requireVisible(id))).toEqual(new EntityNotFound({ entityType: "DEVICE", id }))
  }).pipe(Effect.provideService(Clock.Clock, clock))
})

effect("concurrent lookups of a device share one call", () =>
  Effect.gen(function* () {
    const { paths, requireVisible } = yield* setUp(Effect.andThen(Effect.yieldNow, device))
    yield* Effect.all(
      Array.from({ length: 50 }, () => requireVisible(id)),
      { concurrency: "unbounded" }
    )
    expect(paths.length).toBe(1)
  })
)

effect("a missing device and a forbidden one fail in the same way, and are not cached", () =>
  Effect.gen(function* () {
    const { paths, requireVisible } = yield* setUp(failWith(new NotFound()), failWith(new Forbidden()), device)
    for (let i = 0; i < 2; i++) {
      expect(yield* Effect.flip(requireVisible(id))).toEqual(new EntityNotFound({ entityType: "DEVICE", id }))
    }
    expect((yield* requireVisible(id)).name).toBe("Hall")
    expect(paths.length).toBe(3)
  })
)

effect("an unavailable ThingsBoard or an invalid response does not make a device missing", () =>
  Effect.gen(function* () {
    const { requireVisible } = yield* setUp(failWith(new Unavailable({ why: "refused" })), Effect.succeed(Buffer.from("{}")), device)
    expect(yield* Effect.flip(requireVisible(id))).toMatchObject({ reason: { _tag: "Unavailable" } })
    expect(yield* Effect.flip(requireVisible(id))).toMatchObject({ reason: { _tag: "InvalidResponse" } })
    expect((yield* requireVisible(id)).name).toBe("Hall")
  })
)

const restrictedTo = (restriction: ConstructorParameters<typeof Visibility>[0]) =>
  Effect.provideService(CurrentVisibility, new Visibility(restriction))

effect("each restriction has its own cache, and rejecting a device takes as many calls even if others have seen the device", () =>
  Effect.gen(function* () {
    const { paths, requireVisible } = yield* setUp(device)
    const [meters, sensors] = [restrictedTo({ types: ["meter"] }), restrictedTo({ types: ["sensor"] })]
    expect((yield* meters(requireVisible(id))).name).toBe("Hall")
    yield* meters(requireVisible(id))
    yield* requireVisible(id)
    expect(paths.length).toBe(2)
    for (let i = 0; i < 2; i++)
      expect(yield* Effect.flip(sensors(requireVisible(id)))).toEqual(new EntityNotFound({ entityType: "DEVICE", id }))
    expect(paths.length).toBe(4)
  })
)

effect("a caller restricted to ids causes no call for any other device", () =>
  Effect.gen(function* () {
    const { paths, requireVisible } = yield* setUp(device)
    expect((yield* Effect.flip(restrictedTo({ ids: [] })(requireVisible(id))))._tag).toBe("EntityNotFound")
    expect(paths).toEqual([])
  })
)
