import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authentication, Expensive, RequiredScope } from "../middleware/Authentication.ts"
import { BoundedBody } from "../middleware/BoundedBody.ts"
import { DeclaredParameters } from "../middleware/DeclaredParameters.ts"
import { DirectRoute } from "../middleware/DirectRoute.ts"
import { Idempotency } from "../middleware/Idempotency.ts"
import { KeyAndDeviceLimits } from "../middleware/KeyAndDeviceLimits.ts"
import { RateLimit } from "../middleware/RateLimit.ts"
import {
  aggregation,
  deviceParams,
  endTs,
  exportFormat,
  exportStyle,
  exportTimeZone,
  Format,
  keyParameters,
  numericText,
  startTs
} from "../Parameters.ts"
import {
  BatchNotFound,
  bodyProblems,
  DeviceNotFound,
  InvalidRequest,
  queueProblems,
  RateLimited,
  SpoolUnavailable,
  upstreamProblems
} from "../Problems.ts"
import {
  ExportedFile,
  ExportMany,
  KeysResult,
  LatestOfMany,
  LatestOfManyResult,
  LatestResult,
  Query,
  QueryResult
} from "./TelemetryReads.ts"
import { Series } from "../../domain/Telemetry.ts"
import { Uuid } from "../../domain/Ids.ts"
import { importParameters } from "../ImportParameters.ts"
import {
  BatchState,
  BulkResult,
  ImportBody,
  ImportResult,
  PointsByDevice,
  PointsByKey,
  UploadResult,
  uploadHeaders
} from "./TelemetryWrites.ts"

/** For clients of the FastAPI proxy, which had one path for JSON and files. */
const deprecatedFormat = Schema.optionalKey(Format).annotateKey({
  description: "Deprecated: use `GET devices/{device_id}/telemetry/export` for other formats than json.",
  default: "json",
  deprecated: true
})

export class Telemetry extends HttpApiGroup.make("telemetry")
  .add(
    HttpApiEndpoint.get("keys", "/devices/:device_id/keys", {
      params: deviceParams,
      success: KeysResult,
      error: [DeviceNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "telemetry:read")
      .annotate(DirectRoute, true)
      .annotateMerge(
        OpenApi.annotations({
          identifier: "listTelemetryKeys",
          summary: "List a device's keys",
          description: "Returns the names of the time series that have values."
        })
      ),
    HttpApiEndpoint.get("series", "/devices/:device_id/telemetry", {
      params: deviceParams,
      query: { ...keyParameters, start_ts: startTs, end_ts: endTs, format: deprecatedFormat, ...aggregation },
      success: Series,
      error: [InvalidRequest, DeviceNotFound, RateLimited, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .annotate(RequiredScope, "telemetry:read")
      .annotate(Expensive, "always")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getTelemetry",
          summary: "Read telemetry",
          description:
            "Returns every point with `start_ts` <= ts < `end_ts` as JSON, by key, oldest first, with exact values. With `agg` and `interval`, it returns one point per bucket that has data; `ts` is the start of the bucket. The response is streamed. If ThingsBoard fails meanwhile, the gateway closes the connection, so that a truncated response is never mistaken for a complete one."
        })
      ),
    HttpApiEndpoint.get("export", "/devices/:device_id/telemetry/export", {
      params: deviceParams,
      query: {
        ...keyParameters,
        start_ts: startTs,
        end_ts: endTs,
        format: exportFormat,
        ...aggregation,
        ...exportStyle,
        timezone: exportTimeZone
      },
      success: ExportedFile,
      error: [InvalidRequest, DeviceNotFound, RateLimited, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .annotate(RequiredScope, "telemetry:read")
      .annotate(Expensive, "always")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "exportTelemetry",
          summary: "Export telemetry as a file",
          description:
            "Streams a file with every point of the range, one key after another, oldest first, with exact values. With `agg` and `interval`, the file has one point per bucket that has data. The `Content-Type` of the response is that of the format. If ThingsBoard fails during the export, the gateway closes the connection, so that a truncated file is never mistaken for a complete one."
        })
      ),
    HttpApiEndpoint.get("latest", "/devices/:device_id/telemetry/latest", {
      params: deviceParams,
      query: keyParameters,
      success: LatestResult,
      error: [InvalidRequest, DeviceNotFound, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .annotate(RequiredScope, "telemetry:read")
      .annotate(DirectRoute, true)
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
      .annotate(Expensive, "always")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getLatestTelemetryOfMany",
          summary: "Read the latest values of many devices",
          description:
            "Reads even a thousand devices with few calls to ThingsBoard. A `device_type` may have at most MAX_DEVICES_PER_REQUEST devices. ThingsBoard returns the values of such calls as text, and the gateway derives the types: stored text that looks like a number, `true`, `false` or JSON is returned as that type, and 5.0 may be returned as 5. If the stored type matters, read the devices one by one."
        })
      ),
    HttpApiEndpoint.post("exportMany", "/telemetry/export", {
      payload: ExportMany,
      success: ExportedFile,
      error: [DeviceNotFound, RateLimited, ...bodyProblems, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .middleware(BoundedBody)
      .annotate(RequiredScope, "telemetry:read")
      .annotate(Expensive, "always")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "exportTelemetryOfMany",
          summary: "Export telemetry of many devices as a file",
          description:
            "Streams a file with the points of all selected devices, one device after another. Each row has `device_id` and `device_name`. The `Content-Type` of the response is that of the format."
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
      .annotate(Expensive, "always")
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
      query: { numeric_text: numericText },
      headers: uploadHeaders,
      payload: PointsByKey,
      success: [UploadResult.pipe(HttpApiSchema.status(201)), UploadResult.pipe(HttpApiSchema.status(202))],
      error: [DeviceNotFound, ...bodyProblems, ...upstreamProblems, ...queueProblems]
    })
      .middleware(Idempotency)
      .annotate(RequiredScope, "telemetry:write")
      .annotate(Expensive, "withLargeBody")
      .annotate(DirectRoute, true)
      .annotateMerge(
        OpenApi.annotations({
          identifier: "uploadTelemetry",
          summary: "Upload telemetry",
          description: "The points are accepted or rejected as a whole. To upload a CSV or NDJSON file, use the import."
        })
      ),
    HttpApiEndpoint.post("bulk", "/telemetry/bulk", {
      query: { numeric_text: numericText },
      headers: uploadHeaders,
      payload: PointsByDevice,
      success: [BulkResult, BulkResult.pipe(HttpApiSchema.status(202))],
      error: [...bodyProblems, ...upstreamProblems, ...queueProblems]
    })
      .middleware(Idempotency)
      .annotate(RequiredScope, "telemetry:write")
      .annotate(Expensive, "withLargeBody")
      .annotate(DirectRoute, true)
      .annotateMerge(
        OpenApi.annotations({
          identifier: "uploadTelemetryOfMany",
          summary: "Upload telemetry of many devices",
          description:
            "Devices are given by id or by name. The response has one result per device; a device that does not exist fails, and the others are stored. A device that is given twice, by its id and its name, is an error, and nothing is stored. To upload a CSV or NDJSON file, use the import."
        })
      ),
    HttpApiEndpoint.post("import", "/devices/:device_id/telemetry/import", {
      params: deviceParams,
      query: importParameters,
      headers: uploadHeaders,
      payload: ImportBody,
      success: [ImportResult, ImportResult.pipe(HttpApiSchema.status(202))],
      error: [DeviceNotFound, ...bodyProblems, ...upstreamProblems, ...queueProblems]
    })
      .middleware(Idempotency)
      .annotate(RequiredScope, "telemetry:write")
      .annotate(Expensive, "withLargeBody")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "importTelemetry",
          summary: "Import a file",
          description:
            "Stores the rows of a CSV or NDJSON file of any length: `ts,key,value`, or `ts` and one column per key. Invalid rows are rejected one by one and listed in the response. The HTTP status is 200 even if no row is stored: see `status`. If ThingsBoard fails meanwhile, `rows_unknown` and `rows_not_sent` count the other rows, and `resume_line` is the `from_line` with which to send the file again."
        })
      ),
    HttpApiEndpoint.post("importMany", "/telemetry/import", {
      query: importParameters,
      headers: uploadHeaders,
      payload: ImportBody,
      success: [ImportResult, ImportResult.pipe(HttpApiSchema.status(202))],
      error: [...bodyProblems, ...upstreamProblems, ...queueProblems]
    })
      .middleware(Idempotency)
      .annotate(RequiredScope, "telemetry:write")
      .annotate(Expensive, "withLargeBody")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "importTelemetryOfMany",
          summary: "Import a file with many devices",
          description: "Like the import for one device; each row also has a `device_id` or a `device_name`."
        })
      ),
    HttpApiEndpoint.get("batch", "/ingest/:batch_id", {
      params: { batch_id: Uuid.annotate({ description: "Id of the batch, from the response to the upload." }) },
      success: BatchState,
      error: [BatchNotFound, SpoolUnavailable]
    })
      .annotate(RequiredScope, "telemetry:write")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getBatch",
          summary: "Get the state of a queued upload",
          description:
            "Shows how many points of an upload with `Prefer: respond-async` are stored, wait or were rejected, and why. Only the key that uploaded it can see it, until SPOOL_KEEP after it has finished."
        })
      )
  )
  .middleware(DeclaredParameters)
  .middleware(RateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Telemetry", description: "Time series: read, export and upload." })) {}
