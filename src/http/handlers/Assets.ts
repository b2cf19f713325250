import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { defaults } from "../../api/Parameters.ts"
import { Assets } from "../../services/devices/Assets.ts"
import { list, success } from "../response/envelope.ts"
import { asAssetProblem, asUpstreamProblem } from "../response/toProblem.ts"

export const AssetsLayer = HttpApiBuilder.group(
  Api,
  "assets",
  Effect.fnUntraced(function* (handlers) {
    const assets = yield* Assets
    return handlers
      .handle(
        "list",
        ({ query: { page = defaults.page, page_size: pageSize = defaults.pageSize, text_search, asset_type, sort, order } }) =>
          assets.list({ page, pageSize, textSearch: text_search, type: asset_type, sort, order }).pipe(
            Effect.flatMap((result) => list(page, pageSize, result)),
            Effect.catch(asUpstreamProblem)
          )
      )
      .handle("get", ({ params }) =>
        assets.get(params.asset_id).pipe(
          Effect.flatMap((asset) => success(`,"data":`, asset)),
          Effect.catch(asAssetProblem)
        )
      )
      .handle("types", ({ query: { page = defaults.page, page_size: pageSize = defaults.pageSize, text_search } }) =>
        assets.types({ page, pageSize, textSearch: text_search }).pipe(
          Effect.flatMap((result) => list(page, pageSize, result)),
          Effect.catch(asUpstreamProblem)
        )
      )
  })
)
