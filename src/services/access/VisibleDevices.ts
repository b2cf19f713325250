/** Which of many devices a restricted caller may see. The number of calls depends on the request only, never on what is hidden. */
import { Effect, Stream } from "effect"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { invalidResponse, type ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { devicesByIdOrType } from "../../thingsboard/requests/deviceQueries.ts"
import { describeDevices, type DeviceFields, devicesOfCustomer } from "../../thingsboard/requests/devices.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { withVisibility } from "./CurrentVisibility.ts"

/**
 * The ids of the devices that the restriction allows, in lower case. Devices that the restriction lists by id are not looked up, so they
 * need not exist.
 */
export const visibleAmongIds = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlySet<string>, ThingsBoardError> => {
  const requested = [...new Set(ids.map((id) => id.toLowerCase()))]
  const listed = requested.filter((id) => visibility.ids.has(id))
  if (visibility.byIdsOnly) return Effect.succeed(new Set(listed))
  const others = requested.filter((id) => !visibility.ids.has(id))
  return Effect.map(describeDevices(thingsBoard, others), (found) => {
    const allowed = found.filter((device) => visibility.allows(device))
    return new Set([...listed, ...allowed.map(({ id }) => id)])
  })
}

/** Those of the ids whose devices are hidden from the caller or do not exist, as far as the restriction tells. One call per 100 devices. */
export const hiddenAmongIds = (
  thingsBoard: ThingsBoardShape,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>, ThingsBoardError> =>
  withVisibility((visibility) =>
    visibility === undefined
      ? Effect.succeed([])
      : Effect.map(visibleAmongIds(thingsBoard, visibility, ids), (visible) => ids.filter((id) => !visible.has(id.toLowerCase())))
  )

/** All devices that the restriction allows, or the first `maxDevices`, without duplicates. Whatever else ThingsBoard returned makes its response invalid. */
export const listVisibleDevices = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility,
  maxDevices = Number.POSITIVE_INFINITY
): Effect.Effect<ReadonlyArray<DeviceFields>, ThingsBoardError> =>
  Stream.concat(
    devicesByIdOrType(thingsBoard, visibility.ids, visibility.types),
    visibility.customer === undefined ? Stream.empty : devicesOfCustomer(thingsBoard, visibility.customer)
  ).pipe(
    Stream.mapArrayEffect((devices) =>
      devices.every((device) => visibility.allows(device)) ? Effect.succeed(devices) : Effect.fail(invalidResponse())
    ),
    Stream.take(maxDevices),
    Stream.runCollect,
    Effect.map((devices) => Array.from(new Map(devices.map((device) => [device.id, device])).values()))
  )
