/**
 * Whether the gateway's user and the caller may see a device. ThingsBoard's history endpoint does not check the former
 * (thingsboard#16136: it returns the history of other customers' devices to a customer's user, and 200 `{}` for devices that do not
 * exist), and ThingsBoard does not know the latter. Nothing may read history without this check.
 */
import { Cache, Context, Effect, Exit, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import { EntityNotFound } from "../../domain/Errors.ts"
import { describeDevice } from "../../thingsboard/requests/devices.ts"
import { withoutSharedReads } from "../../thingsboard/reads/SharedReads.ts"
import { ThingsBoard, type ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { getCached } from "./getCached.ts"
import { perCaller } from "./perCaller.ts"
import { forbiddenAsNotFound } from "./forbiddenAsNotFound.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { withVisibility } from "./CurrentVisibility.ts"
import { withMonotonicClock } from "../../platform/monotonicTime.ts"

/** A device that the caller may see. */
export interface VisibleDevice {
  readonly id: string
  readonly name: string
  readonly type: string
}

type AccessError = EntityNotFound | ThingsBoardError

const missing = (id: string) => Effect.fail(new EntityNotFound({ entityType: "DEVICE", id }))

export class DeviceAccess extends Context.Service<
  DeviceAccess,
  {
    /** Returns the device, or fails with EntityNotFound if it does not exist or is hidden. Devices are cached for CACHE_TTL, failures are not. */
    readonly requireVisible: (deviceId: string) => Effect.Effect<VisibleDevice, AccessError>
    /**
     * Runs a call that ThingsBoard itself rejects if the gateway's user may not see the device. For a restricted caller, checks first that
     * the device is visible.
     */
    readonly guard: <A, E, R>(deviceId: string, call: Effect.Effect<A, E, R>) => Effect.Effect<A, E | AccessError, R>
  }
>()("boardwalk/services/access/DeviceAccess") {
  static readonly layer = Layer.effect(
    DeviceAccess,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const { cacheTtl } = yield* Settings
      const lookup = (acting: ThingsBoardShape, visibility: Visibility | undefined) => (deviceId: string) =>
        // Read anew, so that what is cached here is no older than CACHE_TTL, and a hidden device takes as long as a missing one every time.
        forbiddenAsNotFound(withoutSharedReads(describeDevice(acting, deviceId)), "DEVICE", deviceId).pipe(
          Effect.flatMap(({ customerId, id, name, type }): Effect.Effect<VisibleDevice, EntityNotFound> =>
            visibility?.allows({ id, type, customerId }) === false ? missing(deviceId) : Effect.succeed({ id, name, type })
          ),
          // Several requests may wait for this lookup: if one of them is interrupted, the others still need it. TB_TIMEOUT limits it.
          Effect.uninterruptible
        )
      /** A cache keeps the context in which it was made. That must not be the context of a request, so it is the one of the startup. */
      const startupContext = yield* Effect.context<never>()
      const monotonic = yield* withMonotonicClock
      const withCache = perCaller(thingsBoard, (acting, visibility) =>
        Effect.runSyncWith(startupContext)(
          Cache.makeWith(lookup(acting, visibility), {
            capacity: 10_000,
            timeToLive: (exit) => (Exit.isSuccess(exit) ? cacheTtl : 0)
          })
        )
      )
      const requireVisible = (deviceId: string): Effect.Effect<VisibleDevice, AccessError> => {
        const id = deviceId.toLowerCase()
        return withVisibility((visibility) =>
          visibility?.byIdsOnly === true && !visibility.ids.has(id) ? missing(id) : withCache((cache) => monotonic(getCached(cache, id)))
        )
      }

      return {
        requireVisible,
        guard: (deviceId, call) =>
          withVisibility((visibility) => (visibility === undefined ? call : Effect.andThen(requireVisible(deviceId), call)))
      }
    })
  )
}
