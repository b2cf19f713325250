import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { RateLimited } from "../../api/Problems.ts"
import { Exports } from "../../services/Exports.ts"
import { Telemetry } from "../../services/Telemetry.ts"
import { success } from "../answers.ts"
import { negotiate } from "../negotiate.ts"
import { refuse } from "../refuse.ts"
import { asDeviceProblem } from "../toProblem.ts"
import { download } from "../download.ts"

const tooManyExports = refuse(
  "All places for exports (MAX_CONCURRENT_EXPORTS) are taken; try again in 5 s.",
  (common) => new RateLimited({ ...common, details: {}, retry_after: 5 })
)

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
          Effect.flatMap(({ json, keys }) =>
            success(`,"device_id":"${device_id}","keys_requested":${JSON.stringify(keys)},"data":${json}`)
          ),
          Effect.catch(asDeviceProblem)
        )
      )
      .handle("export", ({ params: { device_id }, query, request }) =>
        exports
          .telemetry({
            deviceId: device_id,
            keys: query.keys,
            range: { start: query.start_ts, end: query.end_ts },
            format: negotiate(query.format, request.headers["accept"] ?? null) as "csv"
          })
          .pipe(
            Effect.map(download),
            Effect.catchTag("TooManyExports", () => tooManyExports),
            Effect.catchTags({ EntityNotFound: asDeviceProblem, ThingsBoardError: asDeviceProblem })
          )
      )
      .handle("latestOfMany", () => Effect.die("not yet"))
      .handle("exportMany", () => Effect.die("not yet"))
      .handle("query", () => Effect.die("not yet"))
      .handle("upload", () => Effect.die("not yet"))
      .handle("bulk", () => Effect.die("not yet"))
  })
)
