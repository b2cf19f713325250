import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { EntityNotFound } from "../../../src/domain/Errors.ts"
import { DeviceAccess } from "../../../src/services/access/DeviceAccess.ts"
import { Visibility } from "../../../src/domain/Visibility.ts"
import { CurrentVisibility } from "../../../src/services/access/CurrentVisibility.ts"
import { Forbidden, NotFound, ThingsBoardError, Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { effect } from "../../support/effectTest.ts"
import { failWith, stubThingsBoard } from "../../support/stubThingsBoard.ts"

const id = "784f394c-42b6-435a-983c-b7beff2784f9"
const device = Effect.succeed(Buffer.from(`{"id":{"entityType":"DEVICE","id":"${id}"},"name":"Hall","type":"meter","label":null}`))

/** Answers in turn; the last one stays. */
const over = Effect.fnUntraced(function* (...answers: ReadonlyArray<Effect.Effect<Buffer, ThingsBoardError>>) {
  const paths: Array<string> = []
  const get = (path: string) => Effect.suspend(() => answers[Math.min(paths.push(path), answers.length) - 1]!)
  const access = yield* Effect.provide(DeviceAccess, yield* Layer.build(DeviceAccess.layer.pipe(Layer.provide(stubThingsBoard({ get })))))
  return { paths, seen: access.requireVisible }
})

effect("a device that was seen is remembered for ten seconds, however its id is written", () =>
  Effect.gen(function* () {
    const { paths, seen } = yield* over(device)
    expect(yield* seen(id)).toEqual({ id, name: "Hall", type: "meter" })
    yield* TestClock.adjust("9 seconds")
    yield* seen(id.toUpperCase())
    expect(paths).toEqual([`/api/device/${id}`])
    yield* TestClock.adjust("2 seconds")
    yield* seen(id)
    expect(paths.length).toBe(2)
  })
)

effect("many that ask at once are answered by one call", () =>
  Effect.gen(function* () {
    const { paths, seen } = yield* over(Effect.andThen(Effect.yieldNow, device))
    yield* Effect.all(
      Array.from({ length: 50 }, () => seen(id)),
      { concurrency: "unbounded" }
    )
    expect(paths.length).toBe(1)
  })
)

effect("one that is missing and one that is another's are told alike, and asked for again", () =>
  Effect.gen(function* () {
    const { paths, seen } = yield* over(failWith(new NotFound()), failWith(new Forbidden()), device)
    for (let i = 0; i < 2; i++) {
      expect(yield* Effect.flip(seen(id))).toEqual(new EntityNotFound({ entityType: "DEVICE", id }))
    }
    expect((yield* seen(id)).name).toBe("Hall")
    expect(paths.length).toBe(3)
  })
)

effect("a ThingsBoard that is away or answers nonsense does not make a device missing", () =>
  Effect.gen(function* () {
    const { seen } = yield* over(failWith(new Unavailable({ why: "refused" })), Effect.succeed(Buffer.from("{}")), device)
    expect(yield* Effect.flip(seen(id))).toMatchObject({ reason: { _tag: "Unavailable" } })
    expect(yield* Effect.flip(seen(id))).toMatchObject({ reason: { _tag: "InvalidResponse" } })
    expect((yield* seen(id)).name).toBe("Hall")
  })
)

const of = (restriction: ConstructorParameters<typeof Visibility>[0]) =>
  Effect.provideService(CurrentVisibility, new Visibility(restriction))

effect("each restriction remembers on its own, and a refusal costs as much however often the device was seen by others", () =>
  Effect.gen(function* () {
    const { paths, seen } = yield* over(device)
    const [meters, sensors] = [of({ types: ["meter"] }), of({ types: ["sensor"] })]
    expect((yield* meters(seen(id))).name).toBe("Hall")
    yield* meters(seen(id))
    yield* seen(id)
    expect(paths.length).toBe(2)
    for (let i = 0; i < 2; i++) expect(yield* Effect.flip(sensors(seen(id)))).toEqual(new EntityNotFound({ entityType: "DEVICE", id }))
    expect(paths.length).toBe(4)
  })
)

effect("a caller of named devices makes no call for another", () =>
  Effect.gen(function* () {
    const { paths, seen } = yield* over(device)
    expect((yield* Effect.flip(of({ ids: [] })(seen(id))))._tag).toBe("EntityNotFound")
    expect(paths).toEqual([])
  })
)
