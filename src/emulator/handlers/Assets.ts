import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { find } from "../Access.ts"
import { json } from "../responses.ts"
import { thingJson } from "../entityJson.ts"
import { customerList, tenantList } from "./Lists.ts"
import { profileInfos } from "./Profiles.ts"

export const AssetsLayer = HttpApiBuilder.group(GatewayApi, "assets", (handlers) =>
  handlers
    .handle("tenantAssets", ({ query }) => tenantList("ASSET", "entities", query))
    .handle("customerAssets", ({ params, query }) => customerList("ASSET", "entities", params.customerId, query))
    .handle("asset", ({ params }) => Effect.map(find("ASSET", params.assetId), (asset) => json(thingJson(asset))))
    .handle("assetProfileInfos", ({ query }) => profileInfos("ASSET_PROFILE", query))
)
