import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Asset, AssetType } from "../../domain/Entity.ts"
import { AssetId } from "../../domain/Ids.ts"
import { ListOf, OneOf, withoutCredentials } from "../Envelopes.ts"
import { Authentication, RequiredScope } from "../middleware/Authentication.ts"
import { DeclaredParameters } from "../middleware/DeclaredParameters.ts"
import { DirectRoute } from "../middleware/DirectRoute.ts"
import { RateLimit } from "../middleware/RateLimit.ts"
import { order, page, pageSize, sort, textSearch, typeFilter } from "../Parameters.ts"
import { AssetNotFound, upstreamProblems } from "../Problems.ts"

export class Assets extends HttpApiGroup.make("assets")
  .add(
    HttpApiEndpoint.get("list", "/assets", {
      query: { page, page_size: pageSize, text_search: textSearch, asset_type: typeFilter("asset"), sort, order },
      success: ListOf(Asset).annotate({ identifier: "AssetList", description: "A page of assets." }),
      error: upstreamProblems
    })
      .annotate(RequiredScope, "assets:read")
      .annotate(DirectRoute, true)
      .annotateMerge(
        OpenApi.annotations({
          identifier: "listAssets",
          summary: "List assets",
          description: `Lists assets: buildings, rooms, machines and other things that devices belong to. The list is paged.${withoutCredentials}`
        })
      ),
    HttpApiEndpoint.get("get", "/assets/:asset_id", {
      params: { asset_id: AssetId },
      success: OneOf(Asset).annotate({ identifier: "AssetResult", description: "One asset." }),
      error: [AssetNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "assets:read")
      .annotate(DirectRoute, true)
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getAsset",
          summary: "Get an asset",
          description: `Returns one asset in ThingsBoard's own format.${withoutCredentials}`
        })
      ),
    HttpApiEndpoint.get("types", "/asset-types", {
      query: { page, page_size: pageSize, text_search: textSearch },
      success: ListOf(AssetType).annotate({ identifier: "AssetTypeList", description: "A page of asset types." }),
      error: upstreamProblems
    })
      .annotate(RequiredScope, "assets:read")
      .annotate(DirectRoute, true)
      .annotateMerge(
        OpenApi.annotations({
          identifier: "listAssetTypes",
          summary: "List asset types",
          description: `Lists the asset profiles. Their names are the values of \`asset_type\`.${withoutCredentials}`
        })
      )
  )
  .middleware(DeclaredParameters)
  .middleware(RateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Assets", description: "Assets and their types." })) {}
