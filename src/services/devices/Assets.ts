/** Assets and their types, passed on as the bytes that ThingsBoard sent. */
import { Context, Effect, Layer } from "effect"
import { EntityNotFound } from "../../domain/Errors.ts"
import type { AssetId } from "../../domain/Ids.ts"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import { scanEntity } from "../../thingsboard/responses/ObjectScanner.ts"
import { scanPage } from "../../thingsboard/responses/PageScanner.ts"
import { assetPath } from "../../thingsboard/Paths.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { owner, pageParameters } from "../../thingsboard/EntityList.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"

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
      return {
        list: (query) =>
          Effect.flatMap(thingsBoard.identity, (identity) =>
            Effect.flatMap(thingsBoard.get(`${owner(identity)}/assets${pageParameters(query)}`), scanPage)
          ),
        get: (id) => forbiddenAsNotFound(Effect.flatMap(thingsBoard.get(assetPath(id)), scanEntity(id)), "ASSET", id),
        types: (query) => Effect.flatMap(thingsBoard.get(`/api/assetProfileInfos${pageParameters(query)}`), scanPage)
      }
    })
  )
}
