/** Many devices per call, by their ids or types: their names, list fields, latest values, and which of them are connected. */
import { Array, Effect, Stream } from "effect"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import type { EventLoop } from "../../platform/EventLoop.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { entityQueryValue } from "../responses/entityQueryValue.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"
import type { DeviceFields } from "./devices.ts"
import {
  allEntities,
  type Entity,
  type EntityPage,
  fieldOf,
  findEntities,
  type Filter,
  maxEntitiesPerCall,
  type MaxEntities
} from "./entityQueries.ts"

/** ThingsBoard's SQL joins one table per key. */
const maxKeysPerCall = 25

const byIds = (ids: Iterable<string>, entityType: "DEVICE" | "ASSET" = "DEVICE"): ReadonlyArray<Filter> =>
  Array.chunksOf(ids, maxEntitiesPerCall).map((entityList) => ({ type: "entityList", entityType, entityList }))

const byTypes = (types: Iterable<string>): Filter => ({ type: "deviceType", deviceTypes: [...types], deviceNameFilter: "" })

export type DevicesQuery = { readonly ids: ReadonlyArray<string> } | { readonly type: string }

/** An id that comes twice, or in both cases, is queried once. */
const filtersOf = (query: DevicesQuery): ReadonlyArray<Filter> =>
  "ids" in query ? byIds(new Set(query.ids.map((id) => id.toLowerCase()))) : [byTypes([query.type])]

/**
 * The devices of a query, which has several filters if it names many ids. Whatever else ThingsBoard returned makes its response invalid: it
 * may have ignored the filter.
 */
const devicesOf = (
  thingsBoard: ThingsBoardShape,
  query: DevicesQuery,
  filter: Filter,
  latest: ReadonlyArray<string>,
  max?: MaxEntities
): Stream.Stream<Entity, ThingsBoardError> => {
  const requested = "ids" in query && filter.type === "entityList" ? new Set(filter.entityList) : undefined
  const isRequested = (entity: Entity) =>
    requested === undefined ? "type" in query && fieldOf(entity, "type") === query.type : requested.has(entity.entityId.id)
  return Stream.mapArrayEffect(
    allEntities(thingsBoard, filter, { fields: requested === undefined ? ["name", "type"] : ["name"], latest }, max),
    (entities) => (entities.every(isRequested) ? Effect.succeed(entities) : Effect.fail(invalidResponse()))
  )
}

export interface FoundDevice {
  readonly id: string
  readonly name: string
}

const deviceNameOf = (entity: Entity): FoundDevice => ({ id: entity.entityId.id, name: fieldOf(entity, "name") })

/** The devices of a query, by creation time. */
export const findDevices = (
  thingsBoard: ThingsBoardShape,
  query: DevicesQuery
): Effect.Effect<ReadonlyArray<FoundDevice>, ThingsBoardError> =>
  Stream.fromIterable(filtersOf(query)).pipe(
    Stream.flatMap((filter) => devicesOf(thingsBoard, query, filter, [])),
    Stream.map(deviceNameOf),
    Stream.runCollect
  )

/** A device and the times (epoch ms) of the latest values of those requested keys that have one. */
export interface DeviceWithKeys extends FoundDevice {
  readonly latestTimes: ReadonlyMap<string, number>
}

/** Calls per 1,000 devices that `findDevicesWithKeys` takes. */
export const callsForKeys = (keys: ReadonlyArray<string>) => Math.max(1, Math.ceil(keys.length / maxKeysPerCall))

/**
 * The devices of a query, by creation time, with the requested keys that each has. `use` makes of them what is kept. Asking for a key that
 * does not exist adds nothing to ThingsBoard's dictionary here.
 */
export const findDevicesWithKeys = <A>(
  thingsBoard: ThingsBoardShape,
  query: DevicesQuery,
  keys: ReadonlyArray<string>,
  use: (device: DeviceWithKeys, previous: A | undefined) => A
): Effect.Effect<ReadonlyArray<A>, ThingsBoardError> => {
  const calls = filtersOf(query).flatMap((filter) => Array.chunksOf(keys, maxKeysPerCall).map((latest) => ({ filter, latest })))
  const devices = new Map<string, A>()
  return Stream.fromIterable(calls).pipe(
    Stream.flatMap(({ filter, latest }) => devicesOf(thingsBoard, query, filter, latest)),
    Stream.map((entity) => {
      const { id, name } = deviceNameOf(entity)
      devices.set(id, use({ id, name, latestTimes: latestTimesOf(entity) }, devices.get(id)))
    }),
    Stream.runDrain,
    Effect.map(() => [...devices.values()])
  )
}

/** ThingsBoard's response for a key without a value is {"ts":0,"value":""}. */
const hasValue = ({ ts, value }: { readonly ts: number; readonly value: string }) => ts !== 0 || value !== ""

const latestTimesOf = ({ latest }: Entity) =>
  new Map(
    Object.entries(latest["TIME_SERIES"] ?? {})
      .filter(([, point]) => hasValue(point))
      .map(([key, { ts }]) => [key, ts])
  )

/** All devices, by creation time; undefined if there are more than `maxDevices`, which the first call says. */
export const allDevices = Effect.fnUntraced(function* (
  thingsBoard: ThingsBoardShape,
  maxDevices: number
): Effect.fn.Return<ReadonlyArray<FoundDevice> | undefined, ThingsBoardError> {
  let hasMore = false
  const max = { count: maxDevices, onMore: () => (hasMore = true) }
  const found = yield* allEntities(thingsBoard, { type: "entityType", entityType: "DEVICE" }, { fields: ["name"] }, max).pipe(
    Stream.map(deviceNameOf),
    Stream.runCollect
  )
  return hasMore ? undefined : found
})

const listFields = ["name", "type", "label", "createdTime"]

const listFieldsOf = (entity: Entity): DeviceFields => ({
  id: entity.entityId.id,
  name: fieldOf(entity, "name"),
  type: fieldOf(entity, "type"),
  customerId: "",
  label: fieldOf(entity, "label"),
  createdTime: Number(fieldOf(entity, "createdTime"))
})

/** All devices with one of these ids, then all devices of one of these types, without their customers. A device may come twice. */
export const devicesByIdOrType = (
  thingsBoard: ThingsBoardShape,
  ids: Iterable<string>,
  types: ReadonlySet<string>
): Stream.Stream<DeviceFields, ThingsBoardError> =>
  Stream.fromIterable([...byIds(ids), ...(types.size === 0 ? [] : [byTypes(types)])]).pipe(
    Stream.flatMap((filter) => allEntities(thingsBoard, filter, { fields: listFields })),
    Stream.map(listFieldsOf)
  )

/** ThingsBoard computes the position of a page as a 32-bit integer. */
const maxPosition = 2 ** 31 - 1

/** Whether `pageOfTypes` can read the page. */
export const canReadPage = ({ page, pageSize }: EntityPage) => (page + 1) * pageSize <= maxPosition

/** A page of the ids of the devices of some types, sorted by id, or by creation time and then id; and how many devices there are. */
export const pageOfTypes = (
  thingsBoard: ThingsBoardShape,
  types: ReadonlySet<string>,
  sort: "id" | "created_time",
  page: EntityPage
): Effect.Effect<{ readonly ids: ReadonlyArray<string>; readonly total: number }, ThingsBoardError> =>
  Effect.flatMap(
    // Queries cannot be sorted by id, but all devices have the same `entityType`.
    findEntities(thingsBoard, byTypes(types), { fields: ["type"] }, page, sort === "id" ? "entityType" : "createdTime"),
    ({ data, total }) =>
      total !== undefined && data.every((entity) => types.has(fieldOf(entity, "type")))
        ? Effect.succeed({ ids: data.map(({ entityId }) => entityId.id), total })
        : Effect.fail(invalidResponse())
  )

/** The assets with these ids, without their customers. */
export const assetsById = (thingsBoard: ThingsBoardShape, ids: Iterable<string>): Stream.Stream<DeviceFields, ThingsBoardError> =>
  Stream.fromIterable(byIds(ids, "ASSET")).pipe(
    Stream.flatMap((filter) => allEntities(thingsBoard, filter, { fields: listFields })),
    Stream.map(listFieldsOf)
  )

export interface DeviceLatest {
  readonly name: string
  /** `{"ts":…,"value":…}` by key, for the keys that have a value; see `entityQueryValue` for what is known of its type. */
  readonly points: ReadonlyMap<string, string>
}

/** Calls for latest values at the same time. */
const latestConcurrency = 10

/**
 * The latest values of the devices of a query, by device id; devices by creation time. One call per 1000 devices and 25 keys. Undefined if
 * there are more than `maxDevices` of a type.
 */
export const latestOfDevices = Effect.fnUntraced(function* (
  thingsBoard: ThingsBoardShape,
  { isTurnOver, run }: EventLoop["Service"],
  query: DevicesQuery,
  keys: ReadonlyArray<string>,
  maxDevices: number
): Effect.fn.Return<ReadonlyMap<string, DeviceLatest> | undefined, ThingsBoardError> {
  const calls = filtersOf(query).flatMap((filter) =>
    (keys.length === 0 ? [[]] : Array.chunksOf(keys, maxKeysPerCall)).map((latest) => ({ filter, latest }))
  )
  const devices = new Map<string, LatestOfDevice>()
  let hasMore = false
  const max = { count: maxDevices, onMore: () => (hasMore = true) }
  yield* Effect.forEach(
    calls,
    ({ filter, latest }) =>
      devicesOf(thingsBoard, query, filter, latest, max).pipe(
        Stream.runForEachArray((entities) => run(() => addLatest(devices, entities, isTurnOver)))
      ),
    { concurrency: latestConcurrency, discard: true }
  )
  return hasMore ? undefined : devices
})

interface LatestOfDevice {
  readonly name: string
  readonly points: Map<string, string>
}

function* addLatest(devices: Map<string, LatestOfDevice>, entities: ReadonlyArray<Entity>, isTurnOver: IsTurnOver): Steps<void> {
  for (const entity of entities) {
    if (isTurnOver()) yield
    const { id } = entity.entityId
    const device = devices.get(id) ?? { name: fieldOf(entity, "name"), points: new Map<string, string>() }
    devices.set(id, device)
    for (const [key, { ts, value }] of Object.entries(entity.latest["TIME_SERIES"] ?? {})) {
      if (hasValue({ ts, value })) device.points.set(key, `{"ts":${ts},"value":${entityQueryValue(value)}}`)
    }
  }
}

/**
 * ThingsBoard keeps `active` as a server-side attribute, or as telemetry where it is so configured. Telemetry with that name may also
 * come from the device itself, so the attribute wins.
 */
const isActive = ({ latest: { SERVER_ATTRIBUTE: attributes, TIME_SERIES: series } }: Entity) => {
  const attribute = attributes?.["active"]
  const active = attribute === undefined || attribute.value === "" ? series?.["active"] : attribute
  return active?.value === "true"
}

/** The ids of those devices that are connected. */
export const filterActive = (
  thingsBoard: ThingsBoardShape,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlySet<string>, ThingsBoardError> =>
  Effect.map(
    Effect.forEach(
      byIds(ids),
      (filter) =>
        allEntities(thingsBoard, filter, { fields: [], attributes: ["active"], latest: ["active"] }).pipe(
          Stream.filter(isActive),
          Stream.runCollect
        ),
      { concurrency: 4 }
    ),
    (found) => new Set(found.flat().map(({ entityId }) => entityId.id))
  )
