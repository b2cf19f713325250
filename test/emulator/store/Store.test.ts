import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { Events, type SavedEvent } from "../../../src/emulator/store/Events.ts"
import { Store } from "../../../src/emulator/store/Store.ts"
import { effect } from "../../support/effectTest.ts"

const inStore = Effect.provide(Layer.fresh(Store.layerMemory).pipe(Layer.provideMerge(Events.layer)))

const createDevice = Effect.gen(function* () {
  const store = yield* Store
  const tenantId = store.directory.createTenant({ title: "Tenant", now: 0 }).id
  return { store, createDevice: store.directory.createDevice({ tenantId, name: "Meter", type: "meter", now: 0 }) }
})

const wholeHistory = { startTs: 0, endTs: 1_000_000, limit: 1000, descending: false }

effect("a latest value is replaced by one that is not older, and history keeps all points", () =>
  Effect.gen(function* () {
    const { createDevice: meter, store } = yield* createDevice
    store.telemetry.save(meter, [{ key: "v", ts: 10, value: 1n }])
    store.telemetry.save(meter, [{ key: "v", ts: 5, value: 2n }])
    expect(store.telemetry.latest(meter, "v")).toEqual({ ts: 10, value: 1n })
    store.telemetry.save(meter, [{ key: "v", ts: 10, value: 3.5 }])
    expect(store.telemetry.latest(meter, "v")).toEqual({ ts: 10, value: 3.5 })
    expect(store.telemetry.history(meter, "v", wholeHistory).map(({ ts }) => ts)).toEqual([5, 10])
  }).pipe(inStore)
)

effect("points loaded in bulk are stored like any others, whole doubles as doubles, and publish no event", () =>
  Effect.gen(function* () {
    const { createDevice: meter, store } = yield* createDevice
    const { subscribe } = yield* Events
    const events: Array<SavedEvent> = []
    subscribe((event) => events.push(event))
    store.telemetry.loadBulk(
      meter,
      "v",
      [5, 6.5, true, "x", 7n].map((value, ts) => ({ ts, value }))
    )
    expect(store.telemetry.history(meter, "v", wholeHistory).map(({ value }) => value)).toEqual([5, 6.5, true, "x", 7n])
    expect(store.telemetry.latest(meter, "v")).toEqual({ ts: 4, value: 7n })
    expect(events).toEqual([])
  }).pipe(inStore)
)

effect("listeners receive saved points and attributes until they unsubscribe", () =>
  Effect.gen(function* () {
    const { createDevice: meter, store } = yield* createDevice
    const { subscribe } = yield* Events
    const events: Array<SavedEvent> = []
    const unsubscribe = subscribe((event) => events.push(event))
    store.telemetry.save(meter, [{ key: "v", ts: 1, value: 1n }])
    store.attributes.save(meter, "SERVER_SCOPE", [["site", "north"]], 7)
    unsubscribe()
    store.telemetry.save(meter, [{ key: "v", ts: 2, value: 1n }])
    const of = { tenantId: meter.tenantId, entityType: "DEVICE", entityId: meter.id }
    expect(events).toEqual([
      { type: "TelemetrySaved", ...of, points: [{ key: "v", ts: 1, value: 1n }] },
      { type: "AttributesSaved", ...of, scope: "SERVER_SCOPE", attributes: [{ key: "site", ts: 7, value: "north" }] }
    ])
  }).pipe(inStore)
)

effect("a deleted latest value is removed, or replaced by the previous point", () =>
  Effect.gen(function* () {
    const { createDevice: meter, store } = yield* createDevice
    store.telemetry.save(
      meter,
      ["a", "b"].flatMap((key) => [
        { key, ts: 1, value: 1n },
        { key, ts: 2, value: 2n }
      ])
    )
    const span = { startTs: 2, endTs: 3, deleteLatest: true }
    store.telemetry.remove(meter, "a", { ...span, rewriteLatest: false })
    store.telemetry.remove(meter, "b", { ...span, rewriteLatest: true })
    expect([store.telemetry.latest(meter, "a"), store.telemetry.latest(meter, "b")]).toEqual([undefined, { ts: 1, value: 1n }])
    expect(store.telemetry.keys(meter)).toEqual(["b"])
  }).pipe(inStore)
)

effect("removing a device removes all its data", () =>
  Effect.gen(function* () {
    const { createDevice: meter, store } = yield* createDevice
    const room = store.directory.createAsset({ tenantId: meter.tenantId, name: "Room", now: 0 })
    store.telemetry.save(meter, [{ key: "v", ts: 1, value: 1n }])
    store.relations.save({ fromId: room.id, fromType: "ASSET", toId: meter.id, toType: "DEVICE", type: "Contains" })
    store.directory.remove(meter)
    expect([store.directory.get(meter.id), store.telemetry.keys(meter), store.relations.edges(room.id, "FROM")]).toEqual([
      undefined,
      [],
      []
    ])
  }).pipe(inStore)
)
