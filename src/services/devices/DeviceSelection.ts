/** Devices by ids or by type, with their latest values when wanted, in a call for a thousand of them. */
import { Effect } from "effect"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import * as DeviceQueries from "../../thingsboard/requests/deviceQueries.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { withVisibility } from "../access/CurrentVisibility.ts"
import { visibleAmongIds, listVisibleDevices } from "../access/VisibleDevices.ts"

/** One of the two is there. */
export interface DeviceSelection {
  readonly device_ids?: ReadonlyArray<string>
  readonly device_type?: string
}

const queryOf = ({ device_ids, device_type = "" }: DeviceSelection): DeviceQueries.DevicesQuery =>
  device_ids === undefined ? { type: device_type } : { ids: device_ids }

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

/** Runs a query for those devices of a selection that the caller may see. */
const forVisible = <A>(
  thingsBoard: ThingsBoardShape,
  selection: DeviceSelection,
  run: (query: DeviceQueries.DevicesQuery) => Effect.Effect<A, ThingsBoardError>
): Effect.Effect<A, ThingsBoardError> =>
  withVisibility((visibility) =>
    visibility === undefined
      ? run(queryOf(selection))
      : Effect.flatMap(shown(thingsBoard, visibility, selection), (rest) => run(queryOf(rest)))
  )

/** The devices of a selection that may be seen, by creation time; others are left out. */
export const findDevices = (
  thingsBoard: ThingsBoardShape,
  selection: DeviceSelection
): Effect.Effect<ReadonlyArray<DeviceQueries.FoundDevice>, ThingsBoardError> =>
  forVisible(thingsBoard, selection, (query) => DeviceQueries.findDevices(thingsBoard, query))

/** Like `findDevices`, with the latest values of the keys, by device id. */
export const latestOfDevices = (
  thingsBoard: ThingsBoardShape,
  selection: DeviceSelection,
  keys: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, DeviceQueries.DeviceLatest>, ThingsBoardError> =>
  forVisible(thingsBoard, selection, (query) => DeviceQueries.latestOfDevices(thingsBoard, query, keys))

/** Devices whose names are held at once. */
export const maxDeviceNames = 100_000

/**
 * The ids of all devices that may be seen, by name: names are unique in a tenant. A call for a thousand devices. Undefined when they
 * are more than 100,000: to know the names of some would be to call others unknown.
 */
export const deviceIdsByName = (thingsBoard: ThingsBoardShape): Effect.Effect<ReadonlyMap<string, string> | undefined, ThingsBoardError> =>
  Effect.map(
    withVisibility((visibility): Effect.Effect<ReadonlyArray<{ readonly id: string; readonly name: string }>, ThingsBoardError> =>
      visibility === undefined ? DeviceQueries.allDevices(thingsBoard, maxDeviceNames + 1) : listVisibleDevices(thingsBoard, visibility)
    ),
    (found) => (found.length > maxDeviceNames ? undefined : new Map(found.map(({ id, name }) => [name, id])))
  )
