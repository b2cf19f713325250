/**
 * Whether a device may be seen, by the gateway's user and by the caller. ThingsBoard's history endpoint does not check the former
 * (thingsboard#16136: it answers a customer's user with the history of others, and 200 `{}` for what does not exist), and knows
 * nothing of the latter: nothing reads history before asking here.
 */
import { Cache, Context, Effect, Exit, Layer, Schema } from "effect"
import { EntityNotFound } from "../domain/Errors.ts"
import { devicePath } from "../thingsboard/Paths.ts"
import { CurrentThingsBoard, ThingsBoard, type ThingsBoardShape } from "../thingsboard/ThingsBoard.ts"
import { badAnswer, type ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"
import { hiddenAsMissing } from "./hiddenAsMissing.ts"
import { CurrentVisibility, type Visibility, withVisibility } from "./Visibility.ts"

/** A device that may be seen. */
export interface SeenDevice {
  readonly id: string
  readonly name: string
  readonly type: string
}

const Id = Schema.Struct({ id: Schema.String })
const SeenJson = Schema.fromJsonString(
  Schema.Struct({ id: Id, name: Schema.String, type: Schema.String, customerId: Schema.optionalKey(Schema.NullOr(Id)) })
)
const decodeOne = Schema.decodeUnknownEffect(SeenJson)

type Refusal = EntityNotFound | ThingsBoardError

const missing = (id: string) => Effect.fail(new EntityNotFound({ entityType: "DEVICE", id }))

export class Access extends Context.Service<
  Access,
  {
    /** The device, or EntityNotFound when there is none or it may not be seen. Remembered for ten seconds; refusals are not. */
    readonly seen: (deviceId: string) => Effect.Effect<SeenDevice, Refusal>
    /** A call that ThingsBoard itself refuses when its user may not see the device; a restricted caller's is checked before. */
    readonly guard: <A, E, R>(deviceId: string, call: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Refusal, R>
  }
>()("boardwalk/services/Access") {
  static readonly layer = Layer.effect(
    Access,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const lookup = (acting: ThingsBoardShape, visibility: Visibility | undefined) => (deviceId: string) =>
        hiddenAsMissing(acting.get(devicePath(deviceId)), "DEVICE", deviceId).pipe(
          Effect.flatMap((bytes) => Effect.mapError(decodeOne(bytes.toString()), () => badAnswer())),
          Effect.flatMap(({ customerId, id: { id }, name, type }): Effect.Effect<SeenDevice, EntityNotFound> =>
            visibility?.shows({ id, type, customerId: customerId?.id ?? "" }) === false
              ? missing(deviceId)
              : Effect.succeed({ id, name, type })
          ),
          // Several requests may wait for this answer: the one that leaves must not take it from the others. TB_TIMEOUT bounds it.
          Effect.uninterruptible
        )
      const remembering = (acting: ThingsBoardShape, visibility?: Visibility) =>
        Cache.makeWith(lookup(acting, visibility), { capacity: 10_000, timeToLive: (exit) => (Exit.isSuccess(exit) ? "10 seconds" : 0) })

      const common = yield* remembering(thingsBoard)
      /**
       * Each ThingsBoard user and each restriction remembers on its own. One memory for all would show what others may see, and even
       * its speed would tell: somebody else's question would make a refusal quicker than that of a device that does not exist.
       */
      const memories = new WeakMap<ThingsBoardShape, WeakMap<ThingsBoardShape | Visibility, typeof common>>()
      const memoryOf = (acting: ThingsBoardShape, visibility: Visibility | undefined) =>
        Effect.suspend(() => {
          const whose = visibility ?? acting
          const memory = memories.get(acting) ?? new WeakMap<ThingsBoardShape | Visibility, typeof common>()
          memories.set(acting, memory)
          const known = memory.get(whose)
          if (known !== undefined) return Effect.succeed(known)
          return Effect.map(remembering(acting, visibility), (made) => {
            memory.set(whose, made)
            return made
          })
        })

      const seen = (deviceId: string): Effect.Effect<SeenDevice, Refusal> =>
        Effect.withFiber((fiber) => {
          const id = deviceId.toLowerCase()
          const visibility = fiber.getRef(CurrentVisibility)
          const acting = fiber.getRef(CurrentThingsBoard)
          if (visibility === undefined && acting === undefined) return Cache.get(common, id)
          if (visibility?.byIdsOnly === true && !visibility.ids.has(id)) return missing(id)
          return Effect.flatMap(memoryOf(acting ?? thingsBoard, visibility), (cache) => Cache.get(cache, id))
        })

      return {
        seen,
        guard: (deviceId, call) => withVisibility((visibility) => (visibility === undefined ? call : Effect.andThen(seen(deviceId), call)))
      }
    })
  )
}
