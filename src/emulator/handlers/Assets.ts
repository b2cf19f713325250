import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { findEntity } from "../auth/Access.ts"
import { json } from "../http/responses.ts"
import { deviceOrAssetJson } from "../http/entityJson.ts"
import { customerList, tenantList } from "./Lists.ts"
import { profileInfos } from "./Profiles.ts"

export const AssetsLayer = HttpApiBuilder.group(GatewayApi, "assets", (handlers) =>
  handlers
    .handle("tenantAssets", ({ query }) => tenantList("ASSET", "entities", query))
    .handle("customerAssets", ({ params, query }) => customerList("ASSET", "entities", params.customerId, query))
    .handle("asset", ({ params }) => Effect.map(findEntity("ASSET", params.assetId), (asset) => json(deviceOrAssetJson(asset))))
    .handle("assetProfileInfos", ({ query }) => profileInfos("ASSET_PROFILE", query))
)
