/**
 * Which assets a key with a device restriction may see. ThingsBoard knows no relation between a key's devices and assets, so the visible
 * assets are found from the devices: one call per thousand devices, and two per 500 for their relations, at most once in CACHE_TTL.
 */
import { Cache, Context, Effect, Exit, Layer, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import { EntityNotFound } from "../../domain/Errors.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { assetsOfCustomer } from "../../thingsboard/requests/assets.ts"
import { findNeighbors } from "../../thingsboard/requests/relations.ts"
import { withoutSharedReads } from "../../thingsboard/reads/SharedReads.ts"
import { ThingsBoard, type ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { invalidResponse, type ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { getCached } from "./getCached.ts"
import { perCaller } from "./perCaller.ts"
import { listVisibleDevices } from "./VisibleDevices.ts"
import { withVisibility } from "./CurrentVisibility.ts"
import { withMonotonicClock } from "../../platform/monotonicTime.ts"

/** Limits the calls: only the relations of this many devices, the oldest, are looked up. */
export const maxDevicesForAssets = 10_000
/** Limits the calls and the memory. */
const maxAssetsOfCustomer = 10_000

/** The assets at the other end of a relation of a visible device, whichever direction it has. */
const relatedAssets = Effect.fnUntraced(function* (thingsBoard: ThingsBoardShape, visibility: Visibility) {
  const devices = yield* listVisibleDevices(thingsBoard, visibility, maxDevicesForAssets)
  const roots = devices.map(({ id }) => ({ entityType: "DEVICE" as const, id }))
  const found = yield* Effect.forEach(["FROM", "TO"] as const, (direction) => findNeighbors(thingsBoard, roots, direction, ["ASSET"]))
  return found.flatMap(({ entities }) => entities.map(({ id }) => id))
})

const customerAssets = (thingsBoard: ThingsBoardShape, customer: string) =>
  assetsOfCustomer(thingsBoard, customer).pipe(
    Stream.take(maxAssetsOfCustomer),
    Stream.runCollect,
    Effect.flatMap((assets) =>
      assets.every(({ customerId }) => customerId === customer)
        ? Effect.succeed(assets.map(({ id }) => id))
        : Effect.fail(invalidResponse())
    )
  )

const findVisible = Effect.fnUntraced(function* (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility
): Effect.fn.Return<ReadonlySet<string>, ThingsBoardError> {
  const { customer } = visibility
  const related = yield* relatedAssets(thingsBoard, visibility)
  return new Set([...related, ...(customer === undefined ? [] : yield* customerAssets(thingsBoard, customer))])
})

const none: ReadonlySet<string> = new Set()

export class AssetAccess extends Context.Service<
  AssetAccess,
  {
    /** The ids of the assets that the caller may see; undefined if there is no restriction on assets. Cached for CACHE_TTL. */
    readonly visibleIds: Effect.Effect<ReadonlySet<string> | undefined, ThingsBoardError>
    /** Fails with EntityNotFound if the caller may not see the asset. A missing and a hidden asset take the same calls. */
    readonly requireVisible: (assetId: string) => Effect.Effect<void, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/access/AssetAccess") {
  static readonly layer = Layer.effect(
    AssetAccess,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const { cacheTtl } = yield* Settings
      /** A cache keeps the context in which it was made. That must not be the context of a request, so it is the one of the startup. */
      const startupContext = yield* Effect.context<never>()
      const monotonic = yield* withMonotonicClock
      const withCache = perCaller(thingsBoard, (acting, visibility) =>
        Effect.runSyncWith(startupContext)(
          Cache.makeWith(
            // Several requests may wait for this lookup: if one of them is interrupted, the others still need it.
            // It reads anew, so that the result is no older than CACHE_TTL.
            () =>
              Effect.uninterruptible(visibility === undefined ? Effect.succeed(none) : withoutSharedReads(findVisible(acting, visibility))),
            { capacity: 1, timeToLive: (exit) => (Exit.isSuccess(exit) ? cacheTtl : 0) }
          )
        )
      )
      const visibleIds = withVisibility((visibility): Effect.Effect<ReadonlySet<string> | undefined, ThingsBoardError> => {
        if (visibility === undefined || visibility.assets === "all") return Effect.undefined
        return visibility.assets === "none" ? Effect.succeed(none) : withCache((cache) => monotonic(getCached(cache, "assets")))
      })
      return {
        visibleIds,
        requireVisible: (assetId) =>
          Effect.flatMap(visibleIds, (ids) =>
            ids === undefined || ids.has(assetId.toLowerCase())
              ? Effect.void
              : Effect.fail(new EntityNotFound({ entityType: "ASSET", id: assetId }))
          )
      }
    })
  )
}
