import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { findEntities, readEntityQuery } from "../../../src/emulator/queries/entityQuery.ts"
import { Events } from "../../../src/emulator/store/Events.ts"
import { JsonObject, parseJackson } from "../../../src/emulator/values/Json.ts"
import { Store } from "../../../src/emulator/store/Store.ts"
import { effect } from "../../support/effectTest.ts"

const inStore = Effect.provide(Layer.fresh(Store.layerMemory).pipe(Layer.provide(Events.layer)))

const build = Effect.gen(function* () {
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
  const names = (query: object, customerId: string | null = null) => {
    const json = parseJackson(JSON.stringify({ pageLink: { pageSize: 10, page: 0, ...query }, ...query }))
    const read = readEntityQuery(json as JsonObject)
    return typeof read === "string" ? read : findEntities(store, user(customerId), read).rows.map(({ name }) => name)
  }
  return { names, hall, customer }
})

const byName = { sortOrder: { key: { type: "ENTITY_FIELD", key: "name" }, direction: "ASC" } }
const all = { entityFilter: { type: "entityType", entityType: "DEVICE" } }

effect("entities come in the order asked for, numbers by their size", () =>
  Effect.gen(function* () {
    const { names } = yield* build
    const byPower = { sortOrder: { key: { type: "TIME_SERIES", key: "power" }, direction: "DESC" } }
    expect(names({ ...all, ...byName })).toEqual(["Lamp 1", "Lamp 2", "Meter 1", "Meter 10"])
    expect(names({ ...all, ...byPower })).toEqual(["Meter 10", "Meter 1", "Lamp 1", "Lamp 2"])
  }).pipe(inStore)
)

effect("what relations reach is found once, of the types asked for", () =>
  Effect.gen(function* () {
    const { hall, names } = yield* build
    const rootEntity = { entityType: "ASSET", id: hall.id }
    expect(names({ ...byName, entityFilter: { type: "relationsQuery", rootEntity, direction: "FROM", filters: [] } })).toEqual([
      "Lamp 1",
      "Meter 1",
      "Meter 10"
    ])
    expect(
      names({ entityFilter: { type: "deviceSearchQuery", rootEntity, direction: "FROM", relationType: "Contains", deviceTypes: ["Lamp"] } })
    ).toEqual(["Lamp 1"])
  }).pipe(inStore)
)

effect("key filters and the text search narrow the set", () =>
  Effect.gen(function* () {
    const { names } = yield* build
    const predicate = { type: "NUMERIC", operation: "GREATER", value: { defaultValue: 10 } }
    const keyFilters = [{ key: { type: "TIME_SERIES", key: "power" }, valueType: "NUMERIC", predicate }]
    expect(names({ ...all, ...byName, keyFilters })).toEqual(["Meter 1", "Meter 10"])
    expect(names({ ...all, ...byName, textSearch: "LAMP" })).toEqual(["Lamp 1", "Lamp 2"])
  }).pipe(inStore)
)

effect("a customer's user finds what is assigned to the customer, and nothing else", () =>
  Effect.gen(function* () {
    const { customer, names } = yield* build
    expect(names(all, customer.id)).toEqual(["Lamp 1"])
  }).pipe(inStore)
)

effect("a type of key that does not exist is refused", () =>
  Effect.gen(function* () {
    const { names } = yield* build
    for (const type of ["TIMESERIES", "__proto__"]) {
      expect(names({ ...all, latestValues: [{ type, key: "power" }] })).toContain(`from String "${type}"`)
    }
  }).pipe(inStore)
)
