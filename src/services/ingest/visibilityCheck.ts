/** Which devices of an import are hidden from its caller, looked up in batches before their points are written. */
import { Clock, Effect } from "effect"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { hiddenAmongIds } from "../access/VisibleDevices.ts"

/** As long as `DeviceAccess` keeps a device. */
const lifetime = 10_000
/** Limits the memory for ids of devices that were looked up. */
const maxKnown = 100_000

/** Returns the hidden ones of the devices. For one import: what it finds is kept for ten seconds. */
export const makeVisibilityCheck = (thingsBoard: ThingsBoardShape) => {
  /** Until when a device is known to be visible. */
  const visibleUntil = new Map<string, number>()
  return (deviceIds: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, ThingsBoardError> =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const unknown = deviceIds.filter((id) => !((visibleUntil.get(id) ?? 0) > now && visibleUntil.get(id)! <= now + lifetime))
      if (unknown.length === 0) return []
      const hidden = new Set(yield* hiddenAmongIds(thingsBoard, unknown))
      if (visibleUntil.size > maxKnown) visibleUntil.clear()
      for (const id of unknown) if (!hidden.has(id)) visibleUntil.set(id, now + lifetime)
      return [...hidden]
    })
}
