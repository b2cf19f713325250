import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { maxDevicesLimit, maxKeysLimit, defaultMaxDevices, defaultMaxKeys } from "../../domain/requestLimits.ts"
import { type Format as FormatName, formats } from "../../domain/Format.ts"
import { DeviceId } from "../../domain/Ids.ts"
import { Aggregation, DataKey, Order, Point, Series } from "../../domain/Telemetry.ts"
import { deviceFields, successFields } from "../Envelopes.ts"
import { Authentication, RequiredScope } from "../middleware/Authentication.ts"
import { BoundedBody } from "../middleware/BoundedBody.ts"
import { DeclaredParameters } from "../middleware/DeclaredParameters.ts"
import { RateLimit } from "../middleware/RateLimit.ts"
import { aggregation, defaults, deviceParams, dryRun, endTs, Format, Interval, keys, numericText, startTs, tsUnit } from "../Parameters.ts"
import { bodyProblems, DeviceNotFound, InvalidRequest, RateLimited, upstreamProblems } from "../Problems.ts"
import { BulkResult, ImportBody, ImportResult, PointsByDevice, PointsByKey, UploadResult } from "./TelemetryBodies.ts"

/** A setting decides within `most`; the document tells what is usual. */
const atMost = (most: number, usual: number) =>
  Schema.makeFilter((list: ReadonlyArray<unknown>) => list.length <= most, {
    message: `Expected at most ${most} entries`,
    toJsonSchema: () => ({ maxItems: usual })
  })

const Row = Schema.Struct({ ts: Point.fields.ts, key: DataKey, value: Point.fields.value }).annotate({
  identifier: "Row",
  description: "A line of an export."
})
const DeviceRow = Schema.Struct({ device_id: DeviceId, device_name: Schema.String, ...Row.fields }).annotate({
  identifier: "DeviceRow",
  description: "A line of an export of many devices."
})

/** A response of an export in each of the formats. */
const exportResponses = <J extends Schema.Top, R extends Schema.Constraint>(json: J, row: R) =>
  Object.values({
    json,
    jsonl: HttpApiSchema.StreamNdjson({ schema: row, contentType: formats.jsonl.mediaType }),
    csv: Schema.String.pipe(HttpApiSchema.asText({ contentType: formats.csv.mediaType })),
    xlsx: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: formats.xlsx.mediaType })),
    parquet: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: formats.parquet.mediaType }))
  } satisfies Record<FormatName, Schema.Top>)

const keyList = Schema.Array(DataKey)
  .check(Schema.isMinLength(1), atMost(maxKeysLimit, defaultMaxKeys))
  .annotate({ description: "The keys: at most 1,000 unless the gateway is configured otherwise (MAX_KEYS_PER_REQUEST)." })
const deviceList = Schema.Array(DeviceId).check(Schema.isMinLength(1), atMost(maxDevicesLimit, defaultMaxDevices))

/** Devices by their ids or by their type; exactly one of the two. */
const selection = {
  device_ids: Schema.optionalKey(
    deviceList.annotate({
      description: "The devices: at most 10,000 unless the gateway is configured otherwise (MAX_DEVICES_PER_REQUEST)."
    })
  ),
  device_type: Schema.optionalKey(
    Schema.String.check(Schema.isBetweenLength(1, 255)).annotate({ description: "All devices of this type." })
  )
}

const oneSelection = Schema.makeFilter(
  (body: { readonly device_ids?: ReadonlyArray<string>; readonly device_type?: string }) =>
    (body.device_ids === undefined) !== (body.device_type === undefined),
  {
    message: "Expected either device_ids or device_type",
    toJsonSchema: () => ({
      if: { required: ["device_ids"] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { not: { required: ["device_type"] } },
      else: { required: ["device_type"] }
    })
  }
)

const Query = Schema.Struct({
  keys: keyList,
  start_ts: Schema.optionalKey(startTs),
  end_ts: Schema.optionalKey(endTs),
  limit: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })).annotate({
      description: "Points a key and page.",
      default: defaults.queryLimit
    })
  ),
  agg: Schema.optionalKey(Aggregation),
  interval: Schema.optionalKey(Interval),
  timezone: aggregation.timezone,
  order: Schema.optionalKey(Order.annotate({ description: "Oldest or newest points first.", default: "DESC" })),
  cursor: Schema.optionalKey(
    Schema.String.check(Schema.isMaxLength(65_536)).annotate({ description: "`next_cursor` of the page before; the rest as it was." })
  )
}).annotate({
  identifier: "TelemetryQuery",
  description: "What to read: the last 24 hours when no range is given.",
  examples: [{ keys: ["temperature", "humidity"], start_ts: 1_700_000_000_000, end_ts: 1_700_086_400_000, limit: 200 }]
})

const QueryResult = Schema.Struct({
  ...deviceFields,
  query: Schema.Struct({
    keys: Schema.Array(DataKey),
    start_ts: startTs,
    end_ts: endTs,
    limit: Schema.Int,
    order: Order,
    interval: Schema.NullOr(Interval),
    agg: Aggregation,
    timezone: Schema.NullOr(Schema.String)
  }),
  data: Series,
  metadata: Schema.Struct({
    total_points: Schema.Int.annotate({ description: "Points on this page." }),
    keys_found: Schema.Array(DataKey).annotate({ description: "Keys asked for that the device has, at whatever time." }),
    keys_missing: Schema.Array(DataKey).annotate({ description: "Keys asked for that the device does not have." }),
    time_range: Schema.Struct({ start: Schema.Int, end: Schema.Int, duration_hours: Schema.Finite })
  }),
  next_cursor: Schema.NullOr(Schema.String).annotate({ description: "Reads on where this page ends; null on the last one." })
}).annotate({ identifier: "TelemetryQueryResult", description: "A page of points of each key." })

export class Telemetry extends HttpApiGroup.make("telemetry")
  .add(
    HttpApiEndpoint.get("keys", "/devices/:device_id/keys", {
      params: deviceParams,
      success: Schema.Struct({ ...deviceFields, data: Schema.Array(Schema.String) }).annotate({
        identifier: "KeysResult",
        description: "Keys that hold values.",
        examples: [
          {
            status: "success",
            timestamp: 1_700_000_000_000,
            device_id: "784f394c-42b6-435a-983c-b7beff2784f9" as DeviceId,
            data: ["temperature"]
          }
        ]
      }),
      error: [DeviceNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "listTelemetryKeys",
          summary: "List a device's keys",
          description: "Names of the time series that hold values."
        })
      ),
    HttpApiEndpoint.get("export", "/devices/:device_id/telemetry", {
      params: deviceParams,
      query: { keys, start_ts: startTs, end_ts: endTs, format: Schema.optionalKey(Format), ...aggregation },
      success: exportResponses(Series, Row),
      error: [InvalidRequest, DeviceNotFound, RateLimited, ...upstreamProblems]
    })
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "exportTelemetry",
          summary: "Read all telemetry of a range",
          description:
            "Every point with `start_ts` <= ts < `end_ts`, oldest first, key after key, streamed and exact; with `agg` and `interval` one point a filled bucket, dated at its start. When ThingsBoard fails on the way the connection is broken off, so that a cut file never looks whole."
        })
      ),
    HttpApiEndpoint.get("latest", "/devices/:device_id/telemetry/latest", {
      params: deviceParams,
      query: { keys },
      success: Schema.Struct({
        ...deviceFields,
        keys_requested: Schema.Array(DataKey),
        data: Schema.Record(Schema.String, Schema.NullOr(Point))
      }).annotate({
        identifier: "LatestResult",
        description: "The newest point of each key; null when the key holds none."
      }),
      error: [InvalidRequest, DeviceNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getLatestTelemetry",
          summary: "Read the latest values",
          description: "The newest point of each key; null for a key that holds none."
        })
      ),
    HttpApiEndpoint.post("latestOfMany", "/telemetry/latest", {
      payload: Schema.Struct({ ...selection, keys: keyList })
        .check(oneSelection)
        .annotate({ identifier: "LatestOfMany", description: "Devices by id or type, and keys." }),
      success: Schema.Struct({
        ...successFields,
        keys_requested: Schema.Array(DataKey),
        data: Schema.Record(
          Schema.String,
          Schema.Struct({ device_name: Schema.String, values: Schema.Record(Schema.String, Schema.NullOr(Point)) }).annotate({
            identifier: "DeviceLatest"
          })
        ),
        not_found: Schema.Array(Schema.String).annotate({ description: "Ids of `device_ids` that do not exist or may not be seen." })
      }).annotate({ identifier: "LatestOfManyResult", description: "The newest points of each device, by its id." }),
      error: [...bodyProblems, ...upstreamProblems]
    })
      .middleware(BoundedBody)
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getLatestTelemetryOfMany",
          summary: "Read the latest values of many devices",
          description:
            "In few calls to ThingsBoard, also for a thousand devices. ThingsBoard answers such calls in text, from which the types are made out: text that reads as a number, as `true` or `false`, or as JSON comes as such, and 5.0 may come as 5. Read a device alone where the stored type counts."
        })
      ),
    HttpApiEndpoint.post("exportMany", "/telemetry/export", {
      payload: Schema.Struct({
        ...selection,
        keys: Schema.optionalKey(keyList),
        start_ts: startTs,
        end_ts: endTs,
        format: Schema.optionalKey(Format)
      })
        .check(oneSelection)
        .annotate({ identifier: "ExportMany", description: "Devices by id or type, keys (all when none is named), a range and a form." }),
      success: exportResponses(
        Schema.Record(Schema.String, Schema.Struct({ device_name: Schema.String, telemetry: Series })).annotate({
          identifier: "DeviceSeries",
          description: "Points of each device, by its id."
        }),
        DeviceRow
      ),
      error: [DeviceNotFound, RateLimited, ...bodyProblems, ...upstreamProblems]
    })
      .middleware(BoundedBody)
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "exportTelemetryOfMany",
          summary: "Export many devices",
          description: "One stream, device after device, with `device_id` and `device_name` on each row."
        })
      ),
    HttpApiEndpoint.post("query", "/devices/:device_id/telemetry/query", {
      params: deviceParams,
      payload: Query,
      success: QueryResult,
      error: [DeviceNotFound, ...bodyProblems, ...upstreamProblems]
    })
      .middleware(BoundedBody)
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "queryTelemetry",
          summary: "Query telemetry page by page",
          description:
            "Up to `limit` points a key and 100,000 of all keys, newest first unless `order` is ASC; `next_cursor` reads on. When values are large the page ends early, and keys without a point in it may have theirs on the next. A loop over pages gives every point once, also while new ones come in. `interval` without `agg` means AVG; `ts` of a bucket is its start."
        })
      ),
    HttpApiEndpoint.post("upload", "/devices/:device_id/telemetry", {
      params: deviceParams,
      query: { numeric_text: numericText, ts_unit: tsUnit, dry_run: dryRun },
      payload: [PointsByKey, ImportBody],
      success: [UploadResult.pipe(HttpApiSchema.status(201)), ImportResult],
      error: [DeviceNotFound, ...bodyProblems, ...upstreamProblems]
    })
      .annotate(RequiredScope, "telemetry:write")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "uploadTelemetry",
          summary: "Upload telemetry",
          description:
            "As JSON, all or nothing refused at the door; or as CSV or NDJSON of any length (`ts,key,value`, or `ts` and a column a key), where refused rows are named."
        })
      ),
    HttpApiEndpoint.post("bulk", "/telemetry/bulk", {
      query: { numeric_text: numericText, ts_unit: tsUnit, dry_run: dryRun },
      payload: [PointsByDevice, ImportBody],
      success: [BulkResult, ImportResult],
      error: [...bodyProblems, ...upstreamProblems]
    })
      .annotate(RequiredScope, "telemetry:write")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "uploadTelemetryOfMany",
          summary: "Upload telemetry of many devices",
          description: "As JSON with a result a device; or as CSV or NDJSON rows with `device_id` or `device_name`."
        })
      )
  )
  .middleware(DeclaredParameters)
  .middleware(RateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Telemetry", description: "Time series: read, export, upload." })) {}
