import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"

const entity = { entityType: Schema.String, entityId: Schema.String }
const prefix = "/api/plugins/telemetry/:entityType/:entityId" as const

export const TsPoint = Schema.Struct({ ts: Schema.Int, value: Schema.Unknown })
export const TsSeries = Schema.Record(Schema.String, Schema.Array(TsPoint))
export const AttributeEntry = Schema.Struct({ lastUpdateTs: Schema.Int, key: Schema.String, value: Schema.Unknown })

/** Ready-made JSON, sent unchanged. */
export const JsonText = Schema.String.pipe(HttpApiSchema.asText({ contentType: "application/json" }))

const named = {
  keys: Schema.optionalKey(Schema.String),
  /** Repeatable, from 4.3: the only way to name a key with a comma. If it is present, `keys` is ignored. */
  key: Schema.optionalKey(Schema.Array(Schema.String))
}

/**
 * Without `startTs` and `endTs` the latest values; with them history: start inclusive, end exclusive, newest first unless `orderBy=ASC`,
 * 100 points per key unless `limit`. If one of keys, startTs and endTs is missing, the call silently reads the latest values.
 */
const reading = {
  ...named,
  useStrictDataTypes: Schema.optionalKey(Schema.Boolean),
  startTs: Schema.optionalKey(Schema.Int),
  endTs: Schema.optionalKey(Schema.Int),
  limit: Schema.optionalKey(Schema.Int),
  orderBy: Schema.optionalKey(Schema.Literals(["ASC", "DESC"])),
  agg: Schema.optionalKey(Schema.Literals(["NONE", "MIN", "MAX", "AVG", "SUM", "COUNT"])),
  interval: Schema.optionalKey(Schema.Int),
  intervalType: Schema.optionalKey(Schema.Literals(["MILLISECONDS", "WEEK", "WEEK_ISO", "MONTH", "QUARTER"])),
  timeZone: Schema.optionalKey(Schema.String)
}

export class Telemetry extends HttpApiGroup.make("telemetry").add(
  HttpApiEndpoint.get("keys", `${prefix}/keys/timeseries`, { params: entity, success: Schema.Array(Schema.String) }),
  HttpApiEndpoint.get("values", `${prefix}/values/timeseries`, { params: entity, query: reading, success: TsSeries }),
  /** From 4.3.1.2, with the same responses as `values` with a range. */
  HttpApiEndpoint.get("history", `${prefix}/values/timeseries/history`, { params: entity, query: reading, success: TsSeries }),
  /** `scope` can be any word. Responds with 200 and no body once the points are stored. */
  HttpApiEndpoint.post("saveTelemetry", `${prefix}/timeseries/:scope`, { params: { ...entity, scope: Schema.String }, payload: JsonText }),
  HttpApiEndpoint.get("attributes", `${prefix}/values/attributes`, {
    params: entity,
    query: named,
    success: Schema.Array(AttributeEntry)
  }),
  HttpApiEndpoint.get("attributesOfScope", `${prefix}/values/attributes/:scope`, {
    params: { ...entity, scope: Schema.String },
    query: named,
    success: Schema.Array(AttributeEntry)
  }),
  HttpApiEndpoint.post("saveAttributes", `${prefix}/attributes/:scope`, { params: { ...entity, scope: Schema.String }, payload: JsonText })
) {}
