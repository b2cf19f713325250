/**
 * Whether a device may be seen, by the gateway's user and by the caller. ThingsBoard's history endpoint does not check the former
 * (thingsboard#16136: it answers a customer's user with the history of others, and 200 `{}` for what does not exist), and knows
 * nothing of the latter: nothing reads history before asking here.
 */
import { Cache, Context, Effect, Exit, Layer } from "effect"
import { EntityNotFound } from "../../domain/Errors.ts"
import { describeDevice } from "../../thingsboard/requests/devices.ts"
import { ThingsBoard, type ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { perCaller } from "./perCaller.ts"
import { forbiddenAsNotFound } from "./forbiddenAsNotFound.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { withVisibility } from "./CurrentVisibility.ts"

/** A device that may be seen. */
export interface VisibleDevice {
  readonly id: string
  readonly name: string
  readonly type: string
}

type Refusal = EntityNotFound | ThingsBoardError

const missing = (id: string) => Effect.fail(new EntityNotFound({ entityType: "DEVICE", id }))

export class DeviceAccess extends Context.Service<
  DeviceAccess,
  {
    /** The device, or EntityNotFound when there is none or it may not be seen. Remembered for ten seconds; refusals are not. */
    readonly requireVisible: (deviceId: string) => Effect.Effect<VisibleDevice, Refusal>
    /** A call that ThingsBoard itself refuses when its user may not see the device; a restricted caller's is checked before. */
    readonly guard: <A, E, R>(deviceId: string, call: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Refusal, R>
  }
>()("boardwalk/services/access/DeviceAccess") {
  static readonly layer = Layer.effect(
    DeviceAccess,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const lookup = (acting: ThingsBoardShape, visibility: Visibility | undefined) => (deviceId: string) =>
        forbiddenAsNotFound(describeDevice(acting, deviceId), "DEVICE", deviceId).pipe(
          Effect.flatMap(({ customerId, id, name, type }): Effect.Effect<VisibleDevice, EntityNotFound> =>
            visibility?.allows({ id, type, customerId }) === false ? missing(deviceId) : Effect.succeed({ id, name, type })
          ),
          // Several requests may wait for this answer: the one that leaves must not take it from the others. TB_TIMEOUT bounds it.
          Effect.uninterruptible
        )
      /** Made with what there was at the start: a cache keeps the context that it was made in, which is not to be one of a request. */
      const base = yield* Effect.context<never>()
      const remembering = perCaller(thingsBoard, (acting, visibility) =>
        Effect.runSyncWith(base)(
          Cache.makeWith(lookup(acting, visibility), {
            capacity: 10_000,
            timeToLive: (exit) => (Exit.isSuccess(exit) ? "10 seconds" : 0)
          })
        )
      )
      const requireVisible = (deviceId: string): Effect.Effect<VisibleDevice, Refusal> => {
        const id = deviceId.toLowerCase()
        return withVisibility((visibility) =>
          visibility?.byIdsOnly === true && !visibility.ids.has(id) ? missing(id) : remembering((cache) => Cache.get(cache, id))
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
