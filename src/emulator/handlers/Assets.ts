import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { findEntity } from "../auth/Access.ts"
import { json } from "../http/responses.ts"
import { deviceOrAssetJson } from "../http/entityJson.ts"
import { listCustomerEntities, listTenantEntities } from "./Lists.ts"
import { listProfileInfos } from "./Profiles.ts"

export const AssetsLayer = HttpApiBuilder.group(GatewayApi, "assets", (handlers) =>
  handlers
    .handle("tenantAssets", ({ query }) => listTenantEntities("ASSET", "entities", query))
    .handle("customerAssets", ({ params, query }) => listCustomerEntities("ASSET", "entities", params.customerId, query))
    .handle("asset", ({ params }) => Effect.map(findEntity("ASSET", params.assetId), (asset) => json(deviceOrAssetJson(asset))))
    .handle("assetProfileInfos", ({ query }) => listProfileInfos("ASSET_PROFILE", query))
)
