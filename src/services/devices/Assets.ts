/** Assets and their types, as the bytes that ThingsBoard sent, without credentials that the caller may not read. */
import { Context, Effect, Layer } from "effect"
import { EntityNotFound } from "../../domain/Errors.ts"
import type { AssetId } from "../../domain/Ids.ts"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { listAssetProfiles, listAssets, readAsset } from "../../thingsboard/requests/assets.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { hideCredentials, hideCredentialsInPage } from "../access/CredentialAccess.ts"
import { AssetAccess } from "../access/AssetAccess.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"
import { listRestrictedAssets, listRestrictedAssetTypes } from "./RestrictedList.ts"

export class Assets extends Context.Service<
  Assets,
  {
    readonly list: (query: ListQuery) => Effect.Effect<BytesPage, ThingsBoardError>
    /** The asset's JSON. */
    readonly get: (id: AssetId) => Effect.Effect<Uint8Array, EntityNotFound | ThingsBoardError>
    readonly types: (query: ListQuery) => Effect.Effect<BytesPage, ThingsBoardError>
  }
>()("boardwalk/services/devices/Assets") {
  static readonly layer = Layer.effect(
    Assets,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const access = yield* AssetAccess
      return {
        list: (query) =>
          Effect.flatMap(access.visibleIds, (ids) =>
            ids === undefined ? listAssets(thingsBoard, query) : listRestrictedAssets(thingsBoard, ids, query)
          ).pipe(hideCredentialsInPage, withServiceSpan("Assets.list")),
        get: (id) =>
          Effect.andThen(access.requireVisible(id), forbiddenAsNotFound(readAsset(thingsBoard, id), "ASSET", id)).pipe(
            hideCredentials,
            withServiceSpan("Assets.get")
          ),
        types: (query) =>
          Effect.flatMap(access.visibleIds, (ids) =>
            ids === undefined ? listAssetProfiles(thingsBoard, query) : listRestrictedAssetTypes(thingsBoard, ids, query)
          ).pipe(hideCredentialsInPage, withServiceSpan("Assets.types"))
      }
    })
  ).pipe(Layer.provide(AssetAccess.layer))
}
