/** Devices by ids or by type, with their latest values when wanted, in a call for a thousand of them. */
import { Effect, Stream } from "effect"
import type { EntityData, EntityFilter } from "../../thingsboard/api/EntityQueries.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { maxEntitiesPerCall, entityPages } from "../../thingsboard/EntityQuery.ts"
import { inChunks } from "../../thingsboard/inChunks.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { withVisibility } from "../access/CurrentVisibility.ts"
import { visibleAmongIds, listVisibleDevices } from "../access/VisibleDevices.ts"

/** One of the two is there. */
export interface DeviceSelection {
  readonly device_ids?: ReadonlyArray<string>
  readonly device_type?: string
}

export interface FoundDevice {
  readonly id: string
  readonly name: string
  /** By key. All values are text; without a point `{ts: 0, value: ""}`. */
  readonly latest: Readonly<Record<string, { readonly ts: number; readonly value: string }>>
}

/** ThingsBoard joins a table a key. */
const maxKeysPerCall = 25

const filtersOf = ({ device_ids, device_type }: DeviceSelection): ReadonlyArray<typeof EntityFilter.Type> =>
  device_ids === undefined
    ? [{ type: "deviceType", deviceTypes: [device_type ?? ""], deviceNameFilter: "" }]
    : inChunks([...new Set(device_ids.map((id) => id.toLowerCase()))], maxEntitiesPerCall).map((entityList) => ({
        type: "entityList",
        entityType: "DEVICE",
        entityList
      }))

const foundOf = ({ entityId, latest }: typeof EntityData.Type): FoundDevice => ({
  id: entityId.id,
  name: latest["ENTITY_FIELD"]?.["name"]?.value ?? "",
  latest: latest["TIME_SERIES"] ?? {}
})

const find = (
  thingsBoard: ThingsBoardShape,
  selection: DeviceSelection,
  keys: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<FoundDevice>, ThingsBoardError> => {
  const calls = filtersOf(selection).flatMap((filter) =>
    (keys.length === 0 ? [[]] : inChunks(keys, maxKeysPerCall)).map((latest) => ({ filter, latest }))
  )
  return Stream.fromIterable(calls).pipe(
    Stream.flatMap(({ filter, latest }) => Stream.map(entityPages(thingsBoard, filter, { fields: ["name"], latest }), foundOf)),
    Stream.runCollect
  )
}

/** What is left of a selection when a restriction has hidden the rest. */
const shown = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility,
  selection: DeviceSelection
): Effect.Effect<DeviceSelection, ThingsBoardError> => {
  const { device_ids, device_type = "" } = selection
  if (device_ids !== undefined) return Effect.map(visibleAmongIds(thingsBoard, visibility, device_ids), (ids) => ({ device_ids: [...ids] }))
  if (visibility.types.has(device_type)) return Effect.succeed(selection)
  if (visibility.byTypesOnly) return Effect.succeed({ device_ids: [] })
  return Effect.map(listVisibleDevices(thingsBoard, visibility), (rows) => ({
    device_ids: rows.filter(({ type }) => type === device_type).map(({ id }) => id)
  }))
}

/**
 * The devices of a selection that may be seen: all others are left out. Each comes once, or once for each 25 keys.
 * Sorted by the time of their making.
 */
export const findDevices = (
  thingsBoard: ThingsBoardShape,
  selection: DeviceSelection,
  keys: ReadonlyArray<string> = []
): Effect.Effect<ReadonlyArray<FoundDevice>, ThingsBoardError> =>
  withVisibility((visibility) =>
    visibility === undefined
      ? find(thingsBoard, selection, keys)
      : Effect.flatMap(shown(thingsBoard, visibility, selection), (rest) => find(thingsBoard, rest, keys))
  )

/** Devices whose names are held at once. */
export const maxDeviceNames = 100_000

const allDevices = (thingsBoard: ThingsBoardShape) =>
  entityPages(thingsBoard, { type: "entityType", entityType: "DEVICE" }, { fields: ["name"], most: maxDeviceNames + 1 }).pipe(
    Stream.map(foundOf),
    Stream.runCollect
  )

/**
 * The ids of all devices that may be seen, by name: names are unique in a tenant. A call for a thousand devices. Undefined when they
 * are more than 100,000: to know the names of some would be to call others unknown.
 */
export const deviceIdsByName = (thingsBoard: ThingsBoardShape): Effect.Effect<ReadonlyMap<string, string> | undefined, ThingsBoardError> =>
  Effect.map(
    withVisibility((visibility): Effect.Effect<ReadonlyArray<{ readonly id: string; readonly name: string }>, ThingsBoardError> =>
      visibility === undefined ? allDevices(thingsBoard) : listVisibleDevices(thingsBoard, visibility)
    ),
    (found) => (found.length > maxDeviceNames ? undefined : new Map(found.map(({ id, name }) => [name, id])))
  )
