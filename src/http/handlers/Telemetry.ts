import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { RateLimited } from "../../api/Problems.ts"
import { type ExportedFile, Exports } from "../../services/Exports.ts"
import { Telemetry } from "../../services/Telemetry.ts"
import { success } from "../answers.ts"
import { negotiate } from "../negotiate.ts"
import { refuse } from "../refuse.ts"
import { asDeviceProblem } from "../toProblem.ts"
import { download } from "../download.ts"

export const TelemetryLive = HttpApiBuilder.group(
  Api,
  "telemetry",
  Effect.fnUntraced(function* (handlers) {
    const telemetry = yield* Telemetry
    const exports = yield* Exports
    return handlers
      .handle("keys", ({ params: { device_id } }) =>
        telemetry.keys(device_id).pipe(
          Effect.flatMap((keys) => success(`,"device_id":"${device_id}","data":${JSON.stringify(keys)}`)),
          Effect.catch(asDeviceProblem)
        )
      )
      .handle("latest", ({ params: { device_id }, query }) =>
        telemetry.latest(device_id, query.keys).pipe(
          Effect.flatMap(({ json, keys }) => success(`,"device_id":"${device_id}","keys_requested":${JSON.stringify(keys)},"data":${json}`)),
          Effect.catch(asDeviceProblem)
        )
      )
  })
)
