/** What a restricted caller may see of many devices at once. The calls depend on what is asked, never on what is hidden. */
import { Effect, Stream } from "effect"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { devicesByIdOrType } from "../../thingsboard/requests/deviceQueries.ts"
import { describeDevices, type DeviceFields, devicesOfCustomer } from "../../thingsboard/requests/devices.ts"
import type { Visibility } from "../../domain/Visibility.ts"

/** The ids, in lower case, of those devices that the restriction does not hide. One named by the restriction itself need not exist. */
export const visibleAmongIds = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlySet<string>, ThingsBoardError> => {
  const asked = [...new Set(ids.map((id) => id.toLowerCase()))]
  const named = asked.filter((id) => visibility.ids.has(id))
  if (visibility.byIdsOnly) return Effect.succeed(new Set(named))
  const others = asked.filter((id) => !visibility.ids.has(id))
  return Effect.map(describeDevices(thingsBoard, others), (found) => {
    const shown = found.filter((device) => visibility.allows(device))
    return new Set([...named, ...shown.map(({ id }) => id)])
  })
}

/** All devices of the restriction, each once. */
export const listVisibleDevices = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility
): Effect.Effect<ReadonlyArray<DeviceFields>, ThingsBoardError> =>
  Stream.concat(
    devicesByIdOrType(thingsBoard, visibility.ids, visibility.types),
    visibility.customer === undefined ? Stream.empty : devicesOfCustomer(thingsBoard, visibility.customer)
  ).pipe(
    Stream.runCollect,
    Effect.map((rows) => Array.from(new Map(rows.map((row) => [row.id, row])).values()))
  )
