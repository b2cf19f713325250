/** Assets and asset profiles, as the bytes that ThingsBoard sent. */
import { Effect } from "effect"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { assetPath } from "../Paths.ts"
import { scanEntity } from "../responses/ObjectScanner.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"
import { ownerPath, readList } from "./lists.ts"

/** A page of the assets that the session's user may see: of its tenant, or of its customer. */
export const listAssets = (thingsBoard: ThingsBoardShape, query: ListQuery): Effect.Effect<BytesPage, ThingsBoardError> =>
  Effect.flatMap(thingsBoard.identity, (identity) => readList(thingsBoard, `${ownerPath(identity)}/assets`, query))

/** A page of the asset profiles, which the API calls asset types: `{"id":…,"name":…}`. */
export const listAssetProfiles = (thingsBoard: ThingsBoardShape, query: ListQuery): Effect.Effect<BytesPage, ThingsBoardError> =>
  readList(thingsBoard, "/api/assetProfileInfos", query)

/** The asset's JSON. */
export const readAsset = (thingsBoard: ThingsBoardShape, id: string): Effect.Effect<Uint8Array, ThingsBoardError> =>
  Effect.flatMap(thingsBoard.get(assetPath(id)), scanEntity(id))
