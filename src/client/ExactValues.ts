/** Responses with values, as this client decodes them: like those of the contract, but no integer is rounded. */
import { Schema } from "effect"
import { LatestOfManyResult, LatestResult, QueryResult } from "../api/groups/TelemetryReads.ts"
import { deviceFields } from "../api/Envelopes.ts"
import { DeviceId } from "../domain/Ids.ts"
import { DataKey, Timestamp } from "../domain/Telemetry.ts"
import type { ExactValue } from "./exactJson.ts"

/** Everything that `parseExactly` returns is one. */
const Value = Schema.declare((value): value is ExactValue => value !== undefined)

/** A value with its time, in ms since the Unix epoch. */
export const Point = Schema.Struct({ ts: Timestamp, value: Value })
export type Point = typeof Point.Type

const PointOrNull = Schema.Record(Schema.String, Schema.NullOr(Point))

/** Points by key, oldest first. */
export const Series = Schema.Record(Schema.String, Schema.Array(Point))
export type Series = typeof Series.Type

export const Latest = Schema.Struct({ ...LatestResult.fields, data: PointOrNull })

export const LatestOfMany = Schema.Struct({
  ...LatestOfManyResult.fields,
  data: Schema.Record(Schema.String, Schema.Struct({ device_name: Schema.String, values: PointOrNull }))
})

export const QueryPage = Schema.Struct({ ...QueryResult.fields, data: Series })
export type QueryPage = typeof QueryPage.Type

const Attributes = Schema.Record(Schema.String, Schema.Struct({ value: Value, last_update_ts: Timestamp }))

export const AttributesResult = Schema.Struct({
  ...deviceFields,
  data: Schema.Struct({
    server: Schema.optionalKey(Attributes),
    shared: Schema.optionalKey(Attributes),
    client: Schema.optionalKey(Attributes)
  })
})

/** A row of an export of one device. */
export const Row = Schema.Struct({ ts: Timestamp, key: DataKey, value: Value })
export type Row = typeof Row.Type

/** A row of an export of several devices. */
export const DeviceRow = Schema.Struct({ device_id: DeviceId, device_name: Schema.String, ...Row.fields })
export type DeviceRow = typeof DeviceRow.Type
