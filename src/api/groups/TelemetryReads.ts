/** Requests and responses of the endpoints that read telemetry. */
import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { DeviceId } from "../../domain/Ids.ts"
import { defaultMaxDevices, defaultMaxKeys, maxDevicesLimit, maxKeysLimit } from "../../domain/requestLimits.ts"
import { Aggregation, DataKey, Order, Point, Series } from "../../domain/Telemetry.ts"
import { TypeName } from "../../domain/TypeName.ts"
import { deviceFields, successFields } from "../Envelopes.ts"
import { aggregation, defaults, endTs, exportFormat, exportStyle, exportTimeZone, Interval, startTs } from "../Parameters.ts"

/** Settings can raise the limit up to `max`, so the schema accepts that many items; the OpenAPI document states the default limit. */
const atMost = (max: number, defaultMax: number) =>
  Schema.makeFilter((list: ReadonlyArray<unknown>) => list.length <= max, {
    message: `Expected at most ${max} entries`,
    toJsonSchema: () => ({ maxItems: defaultMax })
  })

const keyList = Schema.Array(DataKey)
  .check(Schema.isMinLength(1), atMost(maxKeysLimit, defaultMaxKeys))
  .annotate({ description: "Keys: at most 1,000 by default (setting MAX_KEYS_PER_REQUEST)." })
/** Like the list of devices, an empty list counts as absent. */
const optionalKeyList = Schema.Array(DataKey)
  .check(atMost(maxKeysLimit, defaultMaxKeys))
  .annotate({ description: "Keys: at most 1,000 by default (setting MAX_KEYS_PER_REQUEST). Without keys, or with an empty list: all." })
/** An empty list counts as absent: some generated clients always send the field. */
const deviceList = Schema.Array(DeviceId).check(atMost(maxDevicesLimit, defaultMaxDevices))

/** Selects devices by id or by type; a body has exactly one of the two. */
const selection = {
  device_ids: Schema.optionalKey(
    deviceList.annotate({
      description: "Ids of the devices: at most 10,000 by default (setting MAX_DEVICES_PER_REQUEST)."
    })
  ),
  device_type: Schema.optionalKey(TypeName.annotate({ description: "All devices of this type." }))
}

/** `others` are the other fields: some validators apply `additionalProperties` to the fields that `if` names. */
const exactlyOneSelection = (...others: ReadonlyArray<string>) =>
  Schema.makeFilter(
    (body: { readonly device_ids?: ReadonlyArray<string>; readonly device_type?: string }) =>
      !body.device_ids?.length !== (body.device_type === undefined),
    {
      message: "Expected either device_ids or device_type",
      toJsonSchema: () => ({
        if: {
          required: ["device_ids"],
          properties: { device_ids: { minItems: 1 }, ...Object.fromEntries(["device_type", ...others].map((name) => [name, {}])) }
        },
        // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
        then: { not: { required: ["device_type"] } },
        else: { required: ["device_type"] }
      })
    }
  )

export const KeysResult = Schema.Struct({ ...deviceFields, data: Schema.Array(Schema.String) }).annotate({
  identifier: "KeysResult",
  description: "Keys that have values.",
  examples: [
    {
      status: "success",
      timestamp: 1_700_000_000_000,
      device_id: "784f394c-42b6-435a-983c-b7beff2784f9" as DeviceId,
      data: ["temperature"]
    }
  ]
})

/** A nullable object of its own: generators read `null` in a map of a plain object as an error. */
export const LatestPoint = Schema.NullOr(Schema.Struct(Point.fields)).annotate({
  identifier: "LatestPoint",
  description: "The newest point of a key; null if the key has no values."
})

export const LatestResult = Schema.Struct({
  ...deviceFields,
  keys_requested: Schema.Array(DataKey),
  data: Schema.Record(Schema.String, LatestPoint)
}).annotate({
  identifier: "LatestResult",
  description: "The newest point per key; null for a key without values."
})

export const LatestOfMany = Schema.Struct({ ...selection, keys: keyList })
  .check(exactlyOneSelection("keys"))
  .annotate({ identifier: "LatestOfMany", description: "The devices, by id or by type, and the keys to read." })

export const LatestOfManyResult = Schema.Struct({
  ...successFields,
  keys_requested: Schema.Array(DataKey),
  data: Schema.Record(
    Schema.String,
    Schema.Struct({ device_name: Schema.String, values: Schema.Record(Schema.String, LatestPoint) }).annotate({
      identifier: "DeviceLatest",
      description: "The newest points of one device, by key; null for a key without values."
    })
  ),
  not_found: Schema.Array(Schema.String).annotate({
    description: "Ids from `device_ids` that do not exist or that the key may not see."
  })
}).annotate({ identifier: "LatestOfManyResult", description: "The newest points per device, by device id." })

/**
 * A file. All formats are documented as one binary media type, so that every generated client returns bytes or a stream; the
 * `Content-Type` of the response names the format.
 */
export const ExportedFile = HttpApiSchema.StreamUint8Array({ contentType: "application/octet-stream" })

export const ExportMany = Schema.Struct({
  ...selection,
  keys: Schema.optionalKey(optionalKeyList),
  start_ts: startTs,
  end_ts: endTs,
  format: exportFormat,
  timezone: exportTimeZone,
  ...exportStyle
})
  .check(exactlyOneSelection("keys", "start_ts", "end_ts", "format", "timezone", "layout", "dialect"))
  .annotate({
    identifier: "ExportMany",
    description: "The devices, by id or by type, the keys (default: all keys), the time range, and how the file is written."
  })

export const Query = Schema.Struct({
  keys: keyList,
  start_ts: Schema.optionalKey(startTs),
  end_ts: Schema.optionalKey(endTs),
  limit: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })).annotate({
      description: "Maximum points per key per page.",
      default: defaults.queryLimit
    })
  ),
  agg: Schema.optionalKey(Aggregation),
  interval: Schema.optionalKey(Interval),
  timezone: aggregation.timezone,
  order: Schema.optionalKey(Order).annotateKey({
    description: "ASC returns the oldest points first, DESC the newest points first.",
    default: "DESC"
  }),
  cursor: Schema.optionalKey(
    Schema.String.check(Schema.isMaxLength(65_536)).annotate({
      description: "`next_cursor` of the previous page. All other fields must be the same as for that page."
    })
  )
}).annotate({
  identifier: "TelemetryQuery",
  description: "What to read. Without a time range, the last 24 hours.",
  examples: [{ keys: ["temperature", "humidity"], start_ts: 1_700_000_000_000, end_ts: 1_700_086_400_000, limit: 200 }]
})

export const QueryResult = Schema.Struct({
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
  }).annotate({ identifier: "EffectiveQuery", description: "The query with the defaults filled in." }),
  data: Series,
  metadata: Schema.Struct({
    total_points: Schema.Int.annotate({ description: "Number of points on this page." }),
    keys_found: Schema.Array(DataKey).annotate({ description: "Requested keys that the device has, with values at any time." }),
    keys_missing: Schema.Array(DataKey).annotate({ description: "Requested keys that the device does not have." }),
    time_range: Schema.Struct({ start: Schema.Int, end: Schema.Int, duration_hours: Schema.Finite }).annotate({
      identifier: "TimeRange",
      description: "Start inclusive, end exclusive, in ms."
    })
  }).annotate({ identifier: "QueryMetadata", description: "What the page contains." }),
  next_cursor: Schema.NullOr(Schema.String).annotate({ description: "Cursor of the next page; null on the last page." })
}).annotate({ identifier: "TelemetryQueryResult", description: "A page of points per key." })
