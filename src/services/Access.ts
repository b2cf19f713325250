/**
 * Whether the gateway's user may see a device. ThingsBoard's history endpoint does not check that (thingsboard#16136: it answers a
 * customer's user with the history of others, and 200 `{}` for what does not exist), so nothing reads history before asking here.
 */
import { Cache, Context, Effect, Exit, Layer, Schema } from "effect"
import { EntityNotFound } from "../domain/Errors.ts"
import { devicePath } from "../thingsboard/Paths.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import { badAnswer, type ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"
import { hiddenAsMissing } from "./hiddenAsMissing.ts"

/** A device that may be seen. */
export interface SeenDevice {
  readonly id: string
  readonly name: string
  readonly type: string
}

const SeenJson = Schema.fromJsonString(
  Schema.Struct({ id: Schema.Struct({ id: Schema.String }), name: Schema.String, type: Schema.String })
)
const decodeOne = Schema.decodeUnknownEffect(SeenJson)

export class Access extends Context.Service<
  Access,
  {
    /** The device, or EntityNotFound when there is none or it may not be seen. Remembered for ten seconds; refusals are not. */
    readonly seen: (deviceId: string) => Effect.Effect<SeenDevice, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/Access") {
  static readonly layer = Layer.effect(
    Access,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const lookup = (deviceId: string) =>
        hiddenAsMissing(thingsBoard.get(devicePath(deviceId)), "DEVICE", deviceId).pipe(
          Effect.flatMap((bytes) =>
            Effect.mapBoth(decodeOne(bytes.toString()), {
              onSuccess: ({ id, name, type }): SeenDevice => ({ id: id.id, name, type }),
              onFailure: () => badAnswer()
            })
          ),
          // Several requests may wait for this answer: the one that leaves must not take it from the others. TB_TIMEOUT bounds it.
          Effect.uninterruptible
        )
      const cache = yield* Cache.makeWith(lookup, { capacity: 10_000, timeToLive: (exit) => (Exit.isSuccess(exit) ? "10 seconds" : 0) })
      return { seen: (deviceId) => Cache.get(cache, deviceId.toLowerCase()) }
    })
  )
}
