/** Creates the demo site with thirty days of data in an empty tenant, and adds points every second. */
import { Clock, Effect, Redacted, Schedule } from "effect"
import type { SavedPoint } from "../store/Events.ts"
import { Store } from "../store/Store.ts"
import type { Entity } from "../store/Directory.ts"
import { JsonValue, type Point, type Value } from "../values/Value.ts"
import { pseudoRandom, type Signal, signals } from "./signals.ts"
import { customer, type DemoDevice, devices, exampleDeviceId, floorOf, isManagedByGateway, places } from "./site.ts"

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const history = 30 * day
/** Interval between two points of the history. */
const step = 5 * minute
/** The devices report in groups, one group per second, so that each device reports every five seconds. */
const reportGroups = 5

interface InstalledDevice {
  readonly definition: DemoDevice
  readonly entity: Entity
  readonly seed: number
}

/** Each device is offline twice in thirty days, for two to eight hours. */
const isOffline = (seed: number, ts: number, start: number): boolean =>
  [0, 1].some((n) => {
    const from = start + pseudoRandom(seed + 100 * n, 1) * (history - day)
    return ts >= from && ts < from + (2 + 6 * pseudoRandom(seed + 100 * n, 2)) * hour
  })

function* generateHistory(signal: Signal, { definition, seed }: InstalledDevice, now: number): Generator<Point> {
  const start = now - history
  const first = Math.ceil((now - Math.min(definition.ageDays, 30) * day) / step) * step
  const last = now - definition.silentDays * day
  for (let ts = first; ts <= last; ts += step) if (!isOffline(seed, ts, start)) yield { ts, value: signal(seed, ts) }
}

/** The day of the examples in the API's documentation (from 2023-11-14 22:13:20 UTC), for which one thermostat has data in every demo. */
export const exampleDay = { start: 1_700_000_000_000, end: 1_700_086_400_000 } as const

function* generateExampleDay(signal: Signal, { seed }: InstalledDevice): Generator<Point> {
  for (let ts: number = exampleDay.start; ts < exampleDay.end; ts += step) yield { ts, value: signal(seed, ts) }
}

const serverAttributes = ({ definition, seed }: InstalledDevice, now: number): ReadonlyArray<readonly [string, Value]> => [
  ["active", definition.silentDays === 0],
  ["serialNumber", `HH-${String(1000 + seed)}`],
  ["floor", floorOf(definition.place)],
  ["calibrated", new Date(now - (40 + seed * 3) * day).toISOString().slice(0, 10)],
  ["thresholds", new JsonValue('{"temperature":{"min":16,"max":26},"co2":{"max":1000}}')]
]

const sharedAttributes: ReadonlyArray<readonly [string, Value]> = [
  ["reportingInterval", 300n],
  ["targetTemperature", 21.5]
]

const clientAttributes = ({ seed }: InstalledDevice): ReadonlyArray<readonly [string, Value]> => [
  ["firmware", `2.${seed % 4}.1`],
  ["ip", `10.20.0.${10 + seed}`]
]

const buildSite = (store: Store["Service"], tenantId: string, now: number): ReadonlyArray<InstalledDevice> =>
  store.transaction(() => {
    const createdAt = now - 90 * day
    const { accounts, attributes, directory, relations } = store
    const relate = (from: Entity, type: string, to: Entity) =>
      relations.save({ fromId: from.id, fromType: from.type, toId: to.id, toType: to.type, type })
    const customerEntity = directory.createCustomer({ id: customer.id, tenantId, name: customer.title, now: createdAt })
    const password = Redacted.make(customer.password)
    accounts.createUser({
      tenantId,
      email: customer.email,
      authority: "CUSTOMER_USER",
      password,
      customerId: customerEntity.id,
      now: createdAt
    })

    const byPlace = new Map<string, Entity>()
    for (const { id, name, type, parent } of places) {
      const asset = directory.createAsset({ id, tenantId, name, type, now: createdAt })
      byPlace.set(name, asset)
      if (parent !== undefined) relate(byPlace.get(parent)!, "Contains", asset)
    }
    const installed = devices.map((definition, i): InstalledDevice => {
      const customerId = floorOf(definition.place) === customer.floor ? customerEntity.id : null
      const { id, label, name, type } = definition
      const additionalInfo = type === "gateway" ? '{"gateway":true}' : null
      const installedAt = now - definition.ageDays * day - (i + 1) * minute
      const entity = directory.createDevice({ id, tenantId, name, type, label, customerId, additionalInfo, now: installedAt })
      relate(byPlace.get(definition.place)!, "Contains", entity)
      return { definition, entity, seed: i + 1 }
    })
    const main = installed.find(({ definition }) => definition.name === "Main meter")!.entity
    const gateway = installed.find(({ definition }) => definition.type === "gateway")!.entity
    for (const { definition, entity } of installed) {
      if (definition.type === "energy meter" && entity !== main) relate(main, "Feeds", entity)
      if (isManagedByGateway(definition)) relate(gateway, "Manages", entity)
    }
    for (const device of installed) {
      attributes.save(device.entity, "SERVER_SCOPE", serverAttributes(device, now), now - day)
      attributes.save(device.entity, "SHARED_SCOPE", sharedAttributes, now - day)
      attributes.save(device.entity, "CLIENT_SCOPE", clientAttributes(device), now - day)
    }
    return installed
  })

const loadHistory = Effect.fnUntraced(function* (store: Store["Service"], installed: ReadonlyArray<InstalledDevice>, now: number) {
  for (const device of installed) {
    store.transaction(() => {
      for (const [key, signal] of Object.entries(signals[device.definition.type]!)) {
        if (device.definition.id === exampleDeviceId) store.telemetry.loadBulk(device.entity, key, generateExampleDay(signal, device))
        store.telemetry.loadBulk(device.entity, key, generateHistory(signal, device, now))
      }
    })
    yield* Effect.yieldNow
  }
})

/** The points that a device reports at a time. */
const measure = ({ definition, seed }: InstalledDevice, ts: number): ReadonlyArray<SavedPoint> =>
  Object.entries(signals[definition.type]!).map(([key, signal]) => ({ key, ts, value: signal(seed, ts) }))

const reportEverySecond = (store: Store["Service"], installed: ReadonlyArray<InstalledDevice>) => {
  let second = 0
  return Effect.map(Clock.currentTimeMillis, (now) => {
    second++
    installed.forEach((device, i) => {
      if (device.definition.silentDays === 0 && i % reportGroups === second % reportGroups)
        store.telemetry.save(device.entity, measure(device, now))
    })
  }).pipe(Effect.repeat(Schedule.spaced("1 second")))
}

/** The devices that an earlier run installed, if the data was kept in a file. */
const findInstalled = ({ directory }: Store["Service"]): ReadonlyArray<InstalledDevice> =>
  devices.flatMap((definition, i) => {
    const entity = directory.get(definition.id)
    return entity === undefined ? [] : [{ definition, entity, seed: i + 1 }]
  })

/** True if the tenant has no devices and nothing is left of an earlier demo. */
const isEmptyTenant = ({ directory }: Store["Service"], tenantId: string) =>
  directory.all(tenantId, "DEVICE").length === 0 && [customer, ...places].every(({ id }) => directory.get(id) === undefined)

/** Installs the demo site if the tenant is empty, then lets its devices report until the scope closes. */
export const runDemo = Effect.fnUntraced(function* (tenantId: string) {
  const store = yield* Store
  const now = yield* Clock.currentTimeMillis
  const isNew = isEmptyTenant(store, tenantId)
  const installed = isNew ? buildSite(store, tenantId, now) : findInstalled(store)
  if (isNew) yield* loadHistory(store, installed, now)
  yield* Effect.forkScoped(reportEverySecond(store, installed))
})
