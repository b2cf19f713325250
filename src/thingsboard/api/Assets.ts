import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Asset, PageOf, pageParameters, ProfileInfo } from "./Entities.ts"

const list = { ...pageParameters, type: Schema.optionalKey(Schema.String) }

/** Like the device lists, without infos. */
export class Assets extends HttpApiGroup.make("assets").add(
  HttpApiEndpoint.get("tenantAssets", "/api/tenant/assets", { query: list, success: PageOf(Asset) }),
  HttpApiEndpoint.get("customerAssets", "/api/customer/:customerId/assets", {
    params: { customerId: Schema.String },
    query: list,
    success: PageOf(Asset)
  }),
  HttpApiEndpoint.get("asset", "/api/asset/:assetId", { params: { assetId: Schema.String }, success: Asset }),
  HttpApiEndpoint.get("assetProfileInfos", "/api/assetProfileInfos", { query: pageParameters, success: PageOf(ProfileInfo) })
) {}
