/** Time series of a device: keys, points and the ranges people ask for. */
import { Schema } from "effect"

/** Milliseconds since the Unix epoch. */
export const Timestamp = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8_640_000_000_000_000 })).annotate({
  description: "Milliseconds since the Unix epoch.",
  examples: [1_700_000_000_000]
})

/**
 * Name of a time series or an attribute. ThingsBoard refuses blank keys, keys beyond 255 characters and keys with markup
 * (contract of `KvUtils`: "key is malformed"); before 4.3 it cannot read a key with a comma back.
 */
export const Key = Schema.String.check(
  Schema.makeFilter((key: string) => key.trim() !== "", {
    message: "Expected a key that is not blank",
    toJsonSchema: () => ({ pattern: "\\S" })
  }),
  Schema.isMaxLength(255, { message: "Expected a key of at most 255 characters" })
).annotate({ description: "Name of a time series or an attribute.", examples: ["temperature"] })
export type Key = typeof Key.Type

/** What a point can hold: a number, text, a boolean or any JSON. */
export const Value = Schema.Json.annotate({
  identifier: "Value",
  description:
    "Number, text, boolean, object or array. Integers up to 2^63 and long decimals are sent digit for digit as ThingsBoard holds them: use a JSON reader that keeps them."
})

export const Point = Schema.Struct({ ts: Timestamp, value: Value }).annotate({
  identifier: "Point",
  description: "A value at a time.",
  examples: [{ ts: 1_700_000_000_000, value: 21.5 }]
})
export type Point = typeof Point.Type

/** Points by key. */
export const Series = Schema.Record(Schema.String, Schema.Array(Point)).annotate({
  identifier: "Series",
  description: "Points of each key, oldest first.",
  examples: [{ temperature: [{ ts: 1_700_000_000_000, value: 21.5 }] }]
})

export const Aggregation = Schema.Literals(["NONE", "MIN", "MAX", "AVG", "SUM", "COUNT"]).annotate({
  identifier: "Aggregation",
  description: "How the points of a bucket become one. NONE gives the points themselves."
})
export type Aggregation = typeof Aggregation.Type

export const Order = Schema.Literals(["ASC", "DESC"]).annotate({ description: "Sort order." })
export type Order = typeof Order.Type

/** A half-open span of time: `start` is in it, `end` is not. */
export interface TimeRange {
  readonly start: number
  readonly end: number
}
