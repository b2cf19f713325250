/** The demo site: its entities, its history, and its live reports. */
import { afterAll, expect, test } from "bun:test"
import { Effect, Layer, ManagedRuntime, Scope } from "effect"
import { TestClock } from "effect/testing"
import { runDemo } from "../../../src/emulator/demo/Demo.ts"
import { Events, type TelemetrySaved } from "../../../src/emulator/store/Events.ts"
import type { Entity } from "../../../src/emulator/store/Directory.ts"
import { Store } from "../../../src/emulator/store/Store.ts"
import { JsonValue, type Point, printText } from "../../../src/emulator/values/Value.ts"
import { effect } from "../../support/effectTest.ts"

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
/** A Thursday, 18:06:40 UTC. */
const now = 1_795_716_400_000

const InMemory = Layer.fresh(Store.layerMemory).pipe(Layer.provideMerge(Events.layer))
const inStore = Effect.provide(InMemory)

const openSite = Effect.gen(function* () {
  yield* TestClock.setTime(now)
  const store = yield* Store
  const tenantId = store.directory.createTenant({ title: "Tenant", now: 0 }).id
  yield* runDemo(tenantId)
  const device = (name: string) => store.directory.byName(tenantId, "DEVICE", name)!
  const readHistory = (entity: Entity, key: string) =>
    store.telemetry.history(entity, key, { startTs: 0, endTs: now + day, limit: -1, descending: false })
  return { store, tenantId, device, readHistory }
})

/** One site, shared by all tests that only read. */
const sharedRuntime = ManagedRuntime.make(InMemory.pipe(Layer.provideMerge(TestClock.layer())))
const site = await sharedRuntime.runPromise(Effect.provideService(openSite, Scope.Scope, sharedRuntime.scope))
afterAll(() => sharedRuntime.dispose())

const average = (points: ReadonlyArray<Point>) => points.reduce((sum, { value }) => sum + Number(value), 0) / points.length

const maxGap = (points: ReadonlyArray<Point>) => Math.max(...points.slice(1).map(({ ts }, i) => ts - points[i]!.ts))

test("the building contains floors, rooms and all devices; the gateway manages the battery-powered ones", () => {
  const { device, store, tenantId } = site
  const building = store.directory.all(tenantId, "ASSET").find(({ kind }) => kind === "building")
  const edges = store.relations.walk({
    rootId: building!.id,
    direction: "FROM",
    typeGroup: "COMMON",
    maxLevel: 3,
    lastLevelOnly: false
  })
  const contained = edges.filter(({ type }) => type === "Contains").map(({ toId }) => store.directory.get(toId)!)
  expect(contained.filter(({ kind }) => kind === "floor")).toHaveLength(4)
  expect(contained.filter(({ kind }) => kind === "room")).toHaveLength(12)
  const devices = store.directory.all(tenantId, "DEVICE")
  expect(devices).toHaveLength(26)
  expect(new Set(contained.filter(({ type }) => type === "DEVICE").map(({ id }) => id))).toEqual(new Set(devices.map(({ id }) => id)))
  expect(store.directory.kinds(tenantId, "DEVICE")).toEqual([
    "air quality",
    "door contact",
    "energy meter",
    "gateway",
    "pump",
    "thermostat"
  ])
  const managed = store.relations.edges(device("Radio gateway").id, "FROM").map(({ toId, type }) => [type, store.directory.get(toId)!.kind])
  expect(managed).toHaveLength(8)
  expect(new Set(managed.map(String))).toEqual(new Set(["Manages,air quality", "Manages,door contact"]))
})

test("ids are the same in every demo", () => {
  const { device, store } = site
  expect(device("Thermostat Lobby").id).toBe("d0000000-0000-11f0-8000-000000000001")
  expect(device("Radio gateway").id).toBe("d0000000-0000-11f0-8000-000000000026")
  expect(store.directory.get("a0000000-0000-11f0-8000-000000000001")!.name).toBe("Harbour House")
})

test("the customer user exists, and some devices but not all are assigned to the customer", () => {
  const { store, tenantId } = site
  const user = store.directory.userByEmail("customer@thingsboard.org")!
  const own = store.directory.all(tenantId, "DEVICE").filter(({ customerId }) => customerId === user.customerId)
  expect(own.map(({ name }) => name).sort()).toEqual([
    "Air Office 201",
    "Meter Second floor",
    "Thermostat Meeting room Grace",
    "Thermostat Office 201",
    "Thermostat Office 202"
  ])
})

test("there are thirty days of numbers, booleans, text and JSON, with gaps", () => {
  const { device, readHistory } = site
  const temperature = readHistory(device("Thermostat Lobby"), "temperature")
  expect(temperature[0]!.ts).toBeGreaterThanOrEqual(now - 30 * day)
  expect(temperature[0]!.ts).toBeLessThan(now - 29 * day)
  expect(temperature.at(-1)!.ts).toBeGreaterThan(now - 5 * minute)
  expect(maxGap(temperature)).toBeGreaterThan(2 * hour)
  const kinds = (name: string, key: string) => new Set(readHistory(device(name), key).map(({ value }) => typeof value))
  expect(kinds("Thermostat Lobby", "temperature")).toEqual(new Set(["number"]))
  expect(kinds("Thermostat Lobby", "humidity")).toEqual(new Set(["bigint"]))
  expect(kinds("Thermostat Lobby", "heating")).toEqual(new Set(["boolean"]))
  expect(kinds("Pump 1", "state")).toEqual(new Set(["string"]))
  const phases = readHistory(device("Main meter"), "phases").at(-1)!.value
  expect(phases).toBeInstanceOf(JsonValue)
  expect(Object.keys(JSON.parse(printText(phases)) as object)).toEqual(["l1", "l2", "l3"])
})

test("CO2 is higher by day and on weekdays, when people are in the building", () => {
  const { device, readHistory } = site
  const co2 = readHistory(device("Air Office 101"), "co2")
  const between = (from: number, to: number, weekend: boolean) =>
    average(
      co2.filter(({ ts }) => {
        const at = new Date(ts)
        return at.getUTCHours() >= from && at.getUTCHours() < to && [0, 6].includes(at.getUTCDay()) === weekend
      })
    )
  expect(between(9, 12, false)).toBeGreaterThan(700)
  expect(between(0, 5, false)).toBeLessThan(500)
  expect(between(9, 12, true)).toBeLessThan(600)
})

test("energy counters only grow, in integers that a double cannot represent", () => {
  const { device, readHistory } = site
  const values = readHistory(device("Main meter"), "energy").map(({ value }) => value)
  const energy = values.filter((value) => typeof value === "bigint")
  expect(energy).toHaveLength(values.length)
  expect(energy.every((value, i) => i === 0 || value > energy[i - 1]!)).toBe(true)
  expect(energy[0]).toBeGreaterThan(2n ** 53n)
  expect(energy.some((value) => BigInt(Number(value)) !== value)).toBe(true)
})

test("one device was installed later, and one no longer reports and is not active", () => {
  const { device, readHistory, store } = site
  const [late] = readHistory(device("Air Lab"), "co2")
  expect(Math.round((now - late!.ts) / day)).toBe(9)
  const silent = device("Door Plant room")
  expect(Math.round((now - readHistory(silent, "open").at(-1)!.ts) / day)).toBe(3)
  const isActive = (entity: Entity) => store.attributes.read(entity, "SERVER_SCOPE").find(({ key }) => key === "active")?.value
  expect([isActive(silent), isActive(device("Door Lobby"))]).toEqual([false, true])
})

test("devices have attributes in all three scopes, including JSON", () => {
  const { device, store } = site
  const attributes = store.attributes.read(device("Thermostat Lobby"))
  expect(new Set(attributes.map(({ scope }) => scope))).toEqual(new Set(["CLIENT_SCOPE", "SERVER_SCOPE", "SHARED_SCOPE"]))
  expect(attributes.find(({ key }) => key === "thresholds")!.value).toBeInstanceOf(JsonValue)
  expect(attributes.map(({ key }) => key)).toEqual(expect.arrayContaining(["serialNumber", "firmware", "calibrated", "targetTemperature"]))
})

effect("every second some devices report, and within five seconds all of them except the silent one", () =>
  Effect.gen(function* () {
    const { store, tenantId } = yield* openSite
    const { subscribe } = yield* Events
    const events: Array<TelemetrySaved> = []
    subscribe((event) => event.type === "TelemetrySaved" && events.push(event))
    yield* TestClock.adjust("1 second")
    expect(events.length).toBeGreaterThan(0)
    yield* TestClock.adjust("4 seconds")
    const reported = new Set(events.map(({ entityId }) => store.directory.get(entityId)!.name))
    const devices = store.directory.all(tenantId, "DEVICE").map(({ name }) => name)
    expect(devices.filter((name) => !reported.has(name))).toEqual(["Door Plant room"])
    expect(events.every(({ points }) => points.every(({ ts }) => ts >= now && ts <= now + 5000))).toBe(true)
  }).pipe(inStore)
)

effect("a store that has the demo site gets no second one, and its devices go on reporting", () =>
  Effect.gen(function* () {
    const { readHistory, device, store, tenantId } = yield* openSite
    const before = readHistory(device("Pump 1"), "rpm").length
    store.directory.remove(device("Pump 2"))
    yield* TestClock.adjust("1 minute")
    yield* runDemo(tenantId)
    expect(store.directory.all(tenantId, "DEVICE")).toHaveLength(25)
    expect(store.directory.all(tenantId, "CUSTOMER")).toHaveLength(1)
    yield* TestClock.adjust("10 seconds")
    const after = readHistory(device("Pump 1"), "rpm").length
    expect(after).toBeGreaterThan(before)
    expect(after).toBeLessThan(before + 40)
  }).pipe(inStore)
)
