import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { Settings } from "../../config/Settings.ts"
import { defaults, namedKeys } from "../../api/Parameters.ts"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import type { Format } from "../../domain/Format.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { Order } from "../../domain/Telemetry.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { DeviceAccess } from "../../services/access/DeviceAccess.ts"
import type { DeviceSelection } from "../../services/devices/DeviceSelection.ts"
import type { ExportStyleOptions } from "../../services/telemetry/exportStyle.ts"
import { Exports } from "../../services/telemetry/Exports.ts"
import type { AggregationOptions, Interval } from "../../services/telemetry/bucketing.ts"
import { Import } from "../../services/ingest/Import.ts"
import { Ingest } from "../../services/ingest/Ingest.ts"
import { LatestValues } from "../../services/telemetry/LatestValues.ts"
import { type TelemetryPage, TelemetryQuery } from "../../services/telemetry/TelemetryQuery.ts"
import { QueuedUploads } from "../../services/queued/QueuedUploads.ts"
import { Telemetry } from "../../services/telemetry/Telemetry.ts"
import { success } from "../response/envelope.ts"
import { negotiateFormat } from "../request/contentNegotiation.ts"
import { failTooManyRequests } from "../auth/rateLimiting.ts"
import { asDeviceProblem, asInputProblem, asUpstreamProblem } from "../response/toProblem.ts"
import { fileResponse } from "../response/fileResponse.ts"
import { makeTelemetryUploads } from "./TelemetryUploads.ts"

const tooManyExports = Effect.flatMap(CurrentCaller, ({ id }) =>
  failTooManyRequests(
    "All export slots (MAX_CONCURRENT_EXPORTS), or all that one key may use, are taken; try again in 5 s.",
    5,
    "exports",
    id
  )
)

/** An empty list of ids counts as absent; the schema ensures that one of the two is given. */
const toSelection = ({ device_ids, device_type }: DeviceSelection): DeviceSelection =>
  device_type === undefined ? { device_ids: device_ids ?? [] } : { device_type }

interface SeriesOptions extends AggregationOptions {
  readonly keys?: ReadonlyArray<string>
  readonly key?: ReadonlyArray<string>
  readonly start_ts: number
  readonly end_ts: number
}

interface PageOptions {
  readonly limit: number
  readonly order: Order
  readonly interval?: Interval
  readonly timezone?: string
}

const exportProblems = {
  TooManyExports: () => tooManyExports,
  EntityNotFound: asDeviceProblem,
  ThingsBoardError: asDeviceProblem,
  InvalidInput: asInputProblem
}

const formatOf = (format: Format | undefined, request: HttpServerRequest.HttpServerRequest) =>
  negotiateFormat(format, request.headers["accept"] ?? null)

/** The fields of a page as JSON in parts; the points are the bytes that the service returns. */
const pageFields = (deviceId: DeviceId, { interval, limit, order, timezone }: PageOptions, page: TelemetryPage) => {
  const { agg, keys, range } = page
  const query = {
    keys,
    start_ts: range.start,
    end_ts: range.end,
    limit,
    order,
    interval: interval ?? null,
    agg,
    timezone: timezone ?? null
  }
  const metadata = {
    total_points: page.pointCount,
    keys_found: page.keysFound,
    keys_missing: page.keysMissing,
    time_range: { ...range, duration_hours: (range.end - range.start) / 3_600_000 }
  }
  return [
    `,"device_id":"${deviceId}","query":${JSON.stringify(query)},"data":`,
    ...page.json,
    `,"metadata":${JSON.stringify(metadata)},"next_cursor":${JSON.stringify(page.nextCursor ?? null)}`
  ]
}

export const TelemetryLayer = HttpApiBuilder.group(
  Api,
  "telemetry",
  Effect.fnUntraced(function* (handlers) {
    const telemetry = yield* Telemetry
    const exports = yield* Exports
    const latestValues = yield* LatestValues
    const telemetryQuery = yield* TelemetryQuery
    const uploads = makeTelemetryUploads(
      yield* Settings,
      yield* EventLoop,
      yield* DeviceAccess,
      yield* Ingest,
      yield* Import,
      yield* QueuedUploads
    )
    const exportDevice = (deviceId: DeviceId, query: SeriesOptions, format: Format, style: ExportStyleOptions = {}) =>
      Effect.flatMap(CurrentCaller, ({ id: client }) =>
        exports.telemetry({
          client,
          deviceId,
          keys: namedKeys(query),
          range: { start: query.start_ts, end: query.end_ts },
          aggregation: query,
          format,
          style
        })
      ).pipe(Effect.flatMap(fileResponse), Effect.catchTags(exportProblems))
    return handlers
      .handle("keys", ({ params: { device_id } }) =>
        telemetry.keys(device_id).pipe(
          Effect.flatMap((keys) => success(`,"device_id":"${device_id}","data":${JSON.stringify(keys)}`)),
          Effect.catch(asDeviceProblem)
        )
      )
      .handle("latest", ({ params: { device_id }, query }) =>
        telemetry.latest(device_id, namedKeys(query)).pipe(
          Effect.flatMap(({ json, keys }) =>
            success(`,"device_id":"${device_id}","keys_requested":${JSON.stringify(keys)},"data":${json}`)
          ),
          Effect.catch(asDeviceProblem)
        )
      )
      .handle("series", ({ params: { device_id }, query }) => exportDevice(device_id, query, query.format ?? "json"))
      .handle("export", ({ params: { device_id }, query, request }) =>
        exportDevice(device_id, query, formatOf(query.format, request), query)
      )
      .handle("latestOfMany", ({ payload }) =>
        latestValues.read(toSelection(payload), payload.keys).pipe(
          Effect.flatMap(({ json, keys, notFound }) =>
            success(`,"keys_requested":${JSON.stringify(keys)},"data":${json},"not_found":${JSON.stringify(notFound)}`)
          ),
          Effect.catchTags({ ThingsBoardError: asUpstreamProblem, InvalidInput: asInputProblem })
        )
      )
      .handle("exportMany", ({ payload, request }) =>
        Effect.flatMap(CurrentCaller, ({ id: client }) =>
          exports.devices({
            client,
            selection: toSelection(payload),
            keys: payload.keys?.length === 0 ? undefined : payload.keys,
            range: { start: payload.start_ts, end: payload.end_ts },
            format: formatOf(payload.format, request),
            style: payload
          })
        ).pipe(Effect.flatMap(fileResponse), Effect.catchTags(exportProblems))
      )
      .handle("query", ({ params: { device_id }, payload }) => {
        const { cursor, end_ts, limit = defaults.queryLimit, order = "DESC", start_ts, ...rest } = payload
        return telemetryQuery.page({ ...rest, deviceId: device_id, start: start_ts, end: end_ts, limit, order, cursor }).pipe(
          Effect.flatMap((page) => success(...pageFields(device_id, { ...payload, limit, order }, page))),
          Effect.catchTags({ EntityNotFound: asDeviceProblem, ThingsBoardError: asDeviceProblem, InvalidInput: asInputProblem })
        )
      })
      .handleRaw("upload", ({ params: { device_id }, query, request }) => uploads.upload(device_id, query, request))
      .handleRaw("bulk", ({ query, request }) => uploads.uploadOfMany(query, request))
      .handleRaw("import", ({ params: { device_id }, query, request }) => uploads.importFile(device_id, query, request))
      .handleRaw("importMany", ({ query, request }) => uploads.importFileOfMany(query, request))
      .handle("batch", ({ params: { batch_id } }) => uploads.batch(batch_id))
  })
)
