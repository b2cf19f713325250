/** Graphs with entities that ThingsBoard's entity queries cannot look up. */
import { expect } from "bun:test"
import { Effect, Redacted } from "effect"
import { live } from "../support/effectTest.ts"
import { canaries, gateway } from "../support/gateway.ts"

const graph = "/api/v1/tb/graph"

live("an alarm in a graph has its id as its name, and cannot be the root", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    const { alarms, directory, relations } = it.emulator.store
    const { tenantId } = it.tenant
    const device = directory.createDevice({ tenantId, name: "Boiler", type: "boiler", now: 1 })
    const alarm = alarms.createOrUpdate({
      tenantId,
      originatorId: device.id,
      originatorType: "DEVICE",
      type: "Too hot",
      severity: "MAJOR",
      now: 1
    })
    relations.save({ fromId: device.id, fromType: "DEVICE", toId: alarm.id, toType: "ALARM", type: "Raises" })
    const { json, status } = yield* it.call(`${graph}/${device.id}`)
    expect(status).toBe(200)
    expect(json.nodes.map(({ name, type }: { name: string; type: string }) => [type, name])).toEqual([
      ["DEVICE", "Boiler"],
      ["ALARM", alarm.id]
    ])
    expect(json.edges).toEqual([{ from: device.id, to: alarm.id, relation_type: "Raises" }])
    for (const type of ["ALARM", "RULE_NODE"]) {
      const refused = yield* it.call(`${graph}/${alarm.id}?root_type=${type}`)
      expect([refused.status, refused.json.details.errors[0].field]).toEqual([400, "query.root_type"])
      expect(refused.json.details.errors[0].issue).toStartWith("Expected one of DEVICE, ASSET")
    }
  })
)

live("a missing root of every other type is not found", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    const types = ["DEVICE", "ASSET", "ENTITY_VIEW", "CUSTOMER", "TENANT", "USER", "DASHBOARD", "EDGE", "RULE_CHAIN", "DEVICE_PROFILE"]
    for (const type of [...types, "ASSET_PROFILE"]) {
      const { status } = yield* it.call(`${graph}/00000000-0000-4000-8000-000000000001?root_type=${type}`)
      expect([type, status]).toEqual([type, 404])
    }
  })
)

live("a customer's user gets the ids of profiles instead of their names, which ThingsBoard cannot look up for it", () =>
  Effect.gen(function* () {
    const admin = yield* gateway()
    const { accounts, directory, relations } = admin.emulator.store
    const { tenantId } = admin.tenant
    const customer = directory.createCustomer({ tenantId, name: "Customer", now: 1 })
    const device = directory.createDevice({ tenantId, name: "Boiler", type: "boiler", now: 1, customerId: customer.id })
    const profileId = device.profileId!
    relations.save({ fromId: device.id, fromType: "DEVICE", toId: profileId, toType: "DEVICE_PROFILE", type: "Uses" })
    const [username, password] = ["guest@example.com", Redacted.make(canaries.password)]
    accounts.createUser({ tenantId, email: username, authority: "CUSTOMER_USER", password, customerId: customer.id, now: 1 })
    const it = yield* gateway({ settings: { tbHost: admin.emulator.url, tbCredentials: { _tag: "Password", username, password } } })
    const namesSeenBy = (seen: typeof it) =>
      Effect.map(seen.call(`${graph}/${device.id}`), ({ json }) => json.nodes.map(({ name }: { name: string }) => name))
    expect(yield* namesSeenBy(admin)).toEqual(["Boiler", "boiler"])
    expect(yield* namesSeenBy(it)).toEqual(["Boiler", profileId])
    expect((yield* it.call(`${graph}/${profileId}?root_type=DEVICE_PROFILE`)).status).toBe(404)
  })
)
