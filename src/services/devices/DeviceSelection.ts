/** Finds the devices of a request, by their ids or by their type, optionally with their latest values. One call per 1,000 devices. */
import { Effect } from "effect"
import type { EventLoop } from "../../platform/EventLoop.ts"
import { withoutSharedReads } from "../../thingsboard/reads/SharedReads.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import * as DeviceQueries from "../../thingsboard/requests/deviceQueries.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { withVisibility } from "../access/CurrentVisibility.ts"
import { visibleAmongIds, listVisibleDevices } from "../access/VisibleDevices.ts"

/** Exactly one of the two is given. */
export interface DeviceSelection {
  readonly device_ids?: ReadonlyArray<string>
  readonly device_type?: string
}

const queryOf = ({ device_ids, device_type = "" }: DeviceSelection): DeviceQueries.DevicesQuery =>
  device_ids === undefined ? { type: device_type } : { ids: device_ids }

/** Removes the devices that the restriction hides from a selection. */
const restrict = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility,
  selection: DeviceSelection
): Effect.Effect<DeviceSelection, ThingsBoardError> => {
  const { device_ids, device_type = "" } = selection
  if (device_ids !== undefined) return Effect.map(visibleAmongIds(thingsBoard, visibility, device_ids), (ids) => ({ device_ids: [...ids] }))
  if (visibility.types.has(device_type)) return Effect.succeed(selection)
  if (visibility.byTypesOnly) return Effect.succeed({ device_ids: [] })
  return Effect.map(listVisibleDevices(thingsBoard, visibility), (devices) => ({
    device_ids: devices.filter(({ type }) => type === device_type).map(({ id }) => id)
  }))
}

/** Runs a query for those devices of a selection that the caller may see. */
const forVisible = <A>(
  thingsBoard: ThingsBoardShape,
  selection: DeviceSelection,
  run: (query: DeviceQueries.DevicesQuery) => Effect.Effect<A, ThingsBoardError>
): Effect.Effect<A, ThingsBoardError> =>
  withVisibility((visibility) =>
    visibility === undefined
      ? run(queryOf(selection))
      : Effect.flatMap(restrict(thingsBoard, visibility, selection), (visible) => run(queryOf(visible)))
  )

/** The visible devices of a selection, by creation time; hidden and missing ones are left out. For files, so never from the cache. */
export const findDevices = (
  thingsBoard: ThingsBoardShape,
  selection: DeviceSelection
): Effect.Effect<ReadonlyArray<DeviceQueries.FoundDevice>, ThingsBoardError> =>
  withoutSharedReads(forVisible(thingsBoard, selection, (query) => DeviceQueries.findDevices(thingsBoard, query)))

/** Like `findDevices`, with the keys that each device has. */
export const findDevicesWithKeys = <A>(
  thingsBoard: ThingsBoardShape,
  selection: DeviceSelection,
  keys: ReadonlyArray<string>,
  use: (device: DeviceQueries.DeviceWithKeys, previous: A | undefined) => A
): Effect.Effect<ReadonlyArray<A>, ThingsBoardError> =>
  forVisible(thingsBoard, selection, (query) => DeviceQueries.findDevicesWithKeys(thingsBoard, query, keys, use))

/** Like `findDevices`, with the latest values of the keys, by device id. Undefined if there are more than `maxDevices` of a type. */
export const latestOfDevices = (
  thingsBoard: ThingsBoardShape,
  eventLoop: EventLoop["Service"],
  selection: DeviceSelection,
  keys: ReadonlyArray<string>,
  maxDevices: number
): Effect.Effect<ReadonlyMap<string, DeviceQueries.DeviceLatest> | undefined, ThingsBoardError> =>
  forVisible(thingsBoard, selection, (query) => {
    const max = selection.device_ids === undefined ? maxDevices : Number.POSITIVE_INFINITY
    return "ids" in query && query.ids.length > max
      ? Effect.undefined
      : DeviceQueries.latestOfDevices(thingsBoard, eventLoop, query, keys, max)
  })

/** Limits the memory for the names of devices. */
export const maxDeviceNames = 100_000

/** An id, or `ambiguous` if several devices have the name. */
export type DeviceIdsByName = ReadonlyMap<string, string>

/**
 * The ids of all visible devices by name, or undefined if there are more than `maxDeviceNames`: with only some of the names, existing
 * devices would be reported as unknown. One call per 1,000 devices. Names are unique in a tenant, but a device that is renamed meanwhile
 * may be listed with the old name of another. Never from the cache, which could reject the points of a new device.
 */
export const deviceIdsByName = (thingsBoard: ThingsBoardShape): Effect.Effect<DeviceIdsByName | undefined, ThingsBoardError> =>
  Effect.map(
    withoutSharedReads(
      withVisibility(
        (visibility): Effect.Effect<ReadonlyArray<{ readonly id: string; readonly name: string }> | undefined, ThingsBoardError> =>
          visibility === undefined
            ? DeviceQueries.allDevices(thingsBoard, maxDeviceNames)
            : listVisibleDevices(thingsBoard, visibility, maxDeviceNames + 1)
      )
    ),
    (found) => {
      if (found === undefined || found.length > maxDeviceNames) return undefined
      const ids = new Map<string, string>()
      for (const { id, name } of found) ids.set(name, (ids.get(name) ?? id) === id ? id : "ambiguous")
      return ids
    }
  )
