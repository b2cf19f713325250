import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { defaults } from "../../api/Parameters.ts"
import { Devices } from "../../services/devices/Devices.ts"
import { list, success } from "../response/envelope.ts"
import { asDeviceProblem, asUpstreamProblem } from "../response/toProblem.ts"

export const DevicesLayer = HttpApiBuilder.group(
  Api,
  "devices",
  Effect.fnUntraced(function* (handlers) {
    const devices = yield* Devices
    return handlers
      .handle(
        "list",
        ({ query: { page = defaults.page, page_size: pageSize = defaults.pageSize, text_search, device_type, sort, order, active } }) =>
          devices.list({ page, pageSize, textSearch: text_search, type: device_type, sort, order, active }).pipe(
            Effect.flatMap((result) => list(page, pageSize, result)),
            Effect.catch(asUpstreamProblem)
          )
      )
      .handle("get", ({ params }) =>
        devices.get(params.device_id).pipe(
          Effect.flatMap((device) => success(`,"data":`, device)),
          Effect.catch(asDeviceProblem)
        )
      )
      .handle("types", ({ query: { page = defaults.page, page_size: pageSize = defaults.pageSize, text_search } }) =>
        devices.types({ page, pageSize, textSearch: text_search }).pipe(
          Effect.flatMap((result) => list(page, pageSize, result)),
          Effect.catch(asUpstreamProblem)
        )
      )
  })
)
