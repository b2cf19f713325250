import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { findEntities, readEntityQuery } from "../../../src/emulator/queries/entityQuery.ts"
import { Events } from "../../../src/emulator/store/Events.ts"
import { JsonObject, parseJackson } from "../../../src/emulator/values/Json.ts"
import { Store } from "../../../src/emulator/store/Store.ts"
import { effect } from "../../support/effectTest.ts"

const inStore = Effect.provide(Layer.fresh(Store.layerMemory).pipe(Layer.provide(Events.layer)))

const createEntities = Effect.gen(function* () {
  const store = yield* Store
  const tenantId = store.directory.createTenant({ title: "Tenant", now: 0 }).id
  const hall = store.directory.createAsset({ tenantId, name: "Hall", type: "room", now: 0 })
  const customer = store.directory.createCustomer({ tenantId, name: "Acme", now: 0 })
  for (const [index, name] of ["Lamp 2", "Lamp 1", "Meter 1", "Meter 10"].entries()) {
    const customerId = name === "Lamp 1" ? customer.id : null
    const device = store.directory.createDevice({ tenantId, name, type: name.split(" ")[0]!, customerId, now: 0 })
    store.telemetry.save(device, [{ key: "power", ts: 1, value: BigInt(index * 10) }])
    if (index > 0) store.relations.save({ fromId: hall.id, fromType: "ASSET", toId: device.id, toType: "DEVICE", type: "Contains" })
  }
  const user = (customerId: string | null) => ({
    id: "",
    email: "",
    authority: customerId === null ? ("TENANT_ADMIN" as const) : ("CUSTOMER_USER" as const),
    tenantId,
    customerId,
    sessionId: undefined
  })
  const findNames = (query: object, customerId: string | null = null) => {
    const json = parseJackson(JSON.stringify({ pageLink: { pageSize: 10, page: 0, ...query }, ...query }))
    const read = readEntityQuery(json as JsonObject)
    return typeof read === "string" ? read : findEntities(store, user(customerId), read).rows.map(({ name }) => name)
  }
  return { findNames, hall, customer }
})

const byName = { sortOrder: { key: { type: "ENTITY_FIELD", key: "name" }, direction: "ASC" } }
const all = { entityFilter: { type: "entityType", entityType: "DEVICE" } }

effect("entities come in the requested order; numbers are sorted by value", () =>
  Effect.gen(function* () {
    const { findNames } = yield* createEntities
    const byPower = { sortOrder: { key: { type: "TIME_SERIES", key: "power" }, direction: "DESC" } }
    expect(findNames({ ...all, ...byName })).toEqual(["Lamp 1", "Lamp 2", "Meter 1", "Meter 10"])
    expect(findNames({ ...all, ...byPower })).toEqual(["Meter 10", "Meter 1", "Lamp 1", "Lamp 2"])
  }).pipe(inStore)
)

effect("entities related in several ways are found once, and only those of the requested types", () =>
  Effect.gen(function* () {
    const { hall, findNames } = yield* createEntities
    const rootEntity = { entityType: "ASSET", id: hall.id }
    expect(findNames({ ...byName, entityFilter: { type: "relationsQuery", rootEntity, direction: "FROM", filters: [] } })).toEqual([
      "Lamp 1",
      "Meter 1",
      "Meter 10"
    ])
    expect(
      findNames({
        entityFilter: { type: "deviceSearchQuery", rootEntity, direction: "FROM", relationType: "Contains", deviceTypes: ["Lamp"] }
      })
    ).toEqual(["Lamp 1"])
  }).pipe(inStore)
)

effect("key filters and text search narrow the result", () =>
  Effect.gen(function* () {
    const { findNames } = yield* createEntities
    const predicate = { type: "NUMERIC", operation: "GREATER", value: { defaultValue: 10 } }
    const keyFilters = [{ key: { type: "TIME_SERIES", key: "power" }, valueType: "NUMERIC", predicate }]
    expect(findNames({ ...all, ...byName, keyFilters })).toEqual(["Meter 1", "Meter 10"])
    expect(findNames({ ...all, ...byName, entityFields: [{ type: "ENTITY_FIELD", key: "name" }], textSearch: "LAMP" })).toEqual([
      "Lamp 1",
      "Lamp 2"
    ])
  }).pipe(inStore)
)

effect("a customer user finds only entities assigned to the customer", () =>
  Effect.gen(function* () {
    const { customer, findNames } = yield* createEntities
    expect(findNames(all, customer.id)).toEqual(["Lamp 1"])
  }).pipe(inStore)
)

effect("an unknown key type is rejected", () =>
  Effect.gen(function* () {
    const { findNames } = yield* createEntities
    for (const type of ["TIMESERIES", "__proto__"]) {
      expect(findNames({ ...all, latestValues: [{ type, key: "power" }] })).toContain(`from String "${type}"`)
    }
  }).pipe(inStore)
)
