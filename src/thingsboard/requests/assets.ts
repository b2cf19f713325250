/** Assets and asset profiles, as the bytes that ThingsBoard sent. */
import { Effect, Option, Stream } from "effect"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import { orIfNotFound } from "../errors/orIfNotFound.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { assetPath } from "../Paths.ts"
import { scanEntity } from "../responses/ObjectScanner.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"
import { maxEntitiesPerCall } from "./entityQueries.ts"
import { ownerPath, readList } from "./lists.ts"

/** A page of the assets that the session's user may see: of its tenant, or of its customer. */
export const listAssets = (thingsBoard: ThingsBoardShape, query: ListQuery): Effect.Effect<BytesPage, ThingsBoardError> =>
  Effect.flatMap(thingsBoard.identity, (identity) => readList(thingsBoard, `${ownerPath(identity)}/assets`, query))

/** A page of the asset profiles, which the API calls asset types: `{"id":…,"name":…}`. */
export const listAssetProfiles = (thingsBoard: ThingsBoardShape, query: ListQuery): Effect.Effect<BytesPage, ThingsBoardError> =>
  readList(thingsBoard, "/api/assetProfileInfos", query)

/** The ids and customers of a customer's assets, by creation time; none of a customer that does not exist or may not be seen. */
export const assetsOfCustomer = (
  thingsBoard: ThingsBoardShape,
  customerId: string
): Stream.Stream<{ readonly id: string; readonly customerId: string }, ThingsBoardError> =>
  Stream.paginate(0, (page) =>
    thingsBoard
      .call((client) =>
        client.assets.customerAssets({
          params: { customerId },
          query: { pageSize: maxEntitiesPerCall, page, sortProperty: "createdTime", sortOrder: "ASC" }
        })
      )
      .pipe(
        Effect.map(
          ({ data, hasNext }) =>
            [
              data.map((asset) => ({ id: asset.id.id, customerId: asset.customerId.id })),
              hasNext ? Option.some(page + 1) : Option.none<number>()
            ] as const
        ),
        orIfNotFound([[], Option.none<number>()] as const)
      )
  )

/** The asset's JSON. */
export const readAsset = (thingsBoard: ThingsBoardShape, id: string): Effect.Effect<Uint8Array, ThingsBoardError> =>
  Effect.flatMap(thingsBoard.get(assetPath(id)), scanEntity(id))
