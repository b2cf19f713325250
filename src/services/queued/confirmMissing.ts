/**
 * Whether a device is really missing. ThingsBoard responds to a write for one with 404 and plain text, and so do reverse proxies while
 * ThingsBoard restarts behind them. Only for a read of the device does ThingsBoard say it in its own format (recordings of 4.1 and 4.3).
 */
import { Effect } from "effect"
import { withoutSharedReads } from "../../thingsboard/reads/SharedReads.ts"
import { describeDevice } from "../../thingsboard/requests/devices.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { withVisibility } from "../access/CurrentVisibility.ts"

/** True: missing or hidden from the caller. False: the caller may see it. An error: it is not known. */
export const confirmMissing = (thingsBoard: ThingsBoardShape, deviceId: string): Effect.Effect<boolean | ThingsBoardError> =>
  withVisibility((visibility) => {
    if (visibility?.byIdsOnly === true && !visibility.ids.has(deviceId.toLowerCase())) return Effect.succeed(true)
    return Effect.match(withoutSharedReads(describeDevice(thingsBoard, deviceId)), {
      onSuccess: (device) => visibility?.allows(device) === false,
      onFailure: (error) => {
        const isSaid = (error.reason._tag === "NotFound" || error.reason._tag === "Forbidden") && error.errorCode !== undefined
        return isSaid || error
      }
    })
  })
