import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authentication, RequiredScope } from "../middleware/Authentication.ts"
import { BoundedBody } from "../middleware/BoundedBody.ts"
import { DeclaredParameters } from "../middleware/DeclaredParameters.ts"
import { KeyAndDeviceLimits } from "../middleware/KeyAndDeviceLimits.ts"
import { RateLimit } from "../middleware/RateLimit.ts"
import { aggregation, deviceParams, dryRun, endTs, Format, keys, numericText, startTs, tsUnit } from "../Parameters.ts"
import { bodyProblems, DeviceNotFound, InvalidRequest, RateLimited, upstreamProblems } from "../Problems.ts"
import {
  exported,
  exportedMany,
  ExportMany,
  KeysResult,
  LatestOfMany,
  LatestOfManyResult,
  LatestResult,
  Query,
  QueryResult
} from "./TelemetryReads.ts"
import { BulkResult, ImportBody, ImportResult, PointsByDevice, PointsByKey, UploadResult } from "./TelemetryWrites.ts"

export class Telemetry extends HttpApiGroup.make("telemetry")
  .add(
    HttpApiEndpoint.get("keys", "/devices/:device_id/keys", {
      params: deviceParams,
      success: KeysResult,
      error: [DeviceNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "listTelemetryKeys",
          summary: "List a device's keys",
          description: "Returns the names of the time series that have values."
        })
      ),
    HttpApiEndpoint.get("export", "/devices/:device_id/telemetry", {
      params: deviceParams,
      query: { keys, start_ts: startTs, end_ts: endTs, format: Schema.optionalKey(Format), ...aggregation },
      success: exported,
      error: [InvalidRequest, DeviceNotFound, RateLimited, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "exportTelemetry",
          summary: "Export telemetry",
          description:
            "Streams every point with `start_ts` <= ts < `end_ts`, one key after another, oldest first, with exact values. With `agg` and `interval`, it returns one point per bucket that has data; `ts` is the start of the bucket. If ThingsBoard fails during the export, the gateway closes the connection, so that a truncated file is never mistaken for a complete one."
        })
      ),
    HttpApiEndpoint.get("latest", "/devices/:device_id/telemetry/latest", {
      params: deviceParams,
      query: { keys },
      success: LatestResult,
      error: [InvalidRequest, DeviceNotFound, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getLatestTelemetry",
          summary: "Read the latest values",
          description: "Returns the newest point per key; null for a key without values."
        })
      ),
    HttpApiEndpoint.post("latestOfMany", "/telemetry/latest", {
      payload: LatestOfMany,
      success: LatestOfManyResult,
      error: [...bodyProblems, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .middleware(BoundedBody)
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getLatestTelemetryOfMany",
          summary: "Read the latest values of many devices",
          description:
            "Reads even a thousand devices with few calls to ThingsBoard. ThingsBoard returns the values of such calls as text, and the gateway derives the types: stored text that looks like a number, `true`, `false` or JSON is returned as that type, and 5.0 may be returned as 5. If the stored type matters, read the devices one by one."
        })
      ),
    HttpApiEndpoint.post("exportMany", "/telemetry/export", {
      payload: ExportMany,
      success: exportedMany,
      error: [DeviceNotFound, RateLimited, ...bodyProblems, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .middleware(BoundedBody)
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "exportTelemetryOfMany",
          summary: "Export telemetry of many devices",
          description: "Streams the points of all selected devices, one device after another. Each row has `device_id` and `device_name`."
        })
      ),
    HttpApiEndpoint.post("query", "/devices/:device_id/telemetry/query", {
      params: deviceParams,
      payload: Query,
      success: QueryResult,
      error: [DeviceNotFound, ...bodyProblems, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .middleware(BoundedBody)
      .annotate(RequiredScope, "telemetry:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "queryTelemetry",
          summary: "Query telemetry in pages",
          description:
            "Returns up to `limit` points per key, and at most 100,000 points in total, newest first unless `order` is ASC. To get the next page, send `next_cursor` as `cursor`. A page with large values can end early; keys without points on it may have points on the next page. Reading all pages returns every point exactly once, even if new points are stored meanwhile. `interval` without `agg` means AVG; `ts` of a bucket is its start."
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
            "A JSON body is accepted or rejected as a whole. A CSV or NDJSON body can have any length (`ts,key,value`, or `ts` and one column per key); invalid rows are rejected one by one and listed in the response."
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
          description:
            "For a JSON body, the response has one result per device. In a CSV or NDJSON body, each row has a `device_id` or a `device_name`."
        })
      )
  )
  .middleware(DeclaredParameters)
  .middleware(RateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Telemetry", description: "Time series: read, export and upload." })) {}
