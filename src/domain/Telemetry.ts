/** Telemetry of a device: keys, points and time ranges. */
import { Schema } from "effect"
import { maxTimestamp, secondsRange, timestampIssue } from "./timestamps.ts"

/** Milliseconds since the Unix epoch. */
export const Timestamp = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxTimestamp })).annotate({
  description: "Milliseconds since the Unix epoch.",
  examples: [1_700_000_000_000]
})

/** PostgreSQL has no NUL in text, so ThingsBoard responds with 500 to one in a search or a key. Broken surrogates cannot be sent. */
export const storableText = (what: string) =>
  Schema.makeFilter((text: string) => !text.includes("\0") && text.isWellFormed(), {
    message: `Expected ${what} without NUL characters or lone surrogates`,
    toJsonSchema: () => ({ pattern: "^[^\\u0000]*$" })
  })

/**
 * Name of a time series or an attribute. ThingsBoard rejects blank keys, keys of more than 255 characters and keys with markup
 * (contract of `KvUtils`: "key is malformed"). Before 4.3.1.1 it can store a key with a comma, but not read its history.
 */
export const DataKey = Schema.String.check(
  storableText("a key"),
  // The last pattern of a schema is the one in its JSON schema, so this one includes the one before.
  Schema.makeFilter((key: string) => key.trim() !== "", {
    message: "Expected a key that is not blank",
    toJsonSchema: () => ({ pattern: "^[^\\u0000]*[^\\s\\uFEFF\\u0000][^\\u0000]*$" })
  }),
  Schema.isMaxLength(255, { message: "Expected a key of at most 255 characters" })
).annotate({ description: "Name of a time series or an attribute.", examples: ["temperature"] })
export type DataKey = typeof DataKey.Type

/** The value of a point or an attribute: a number, text, a boolean or any other JSON. */
export const Value = Schema.Json.annotate({
  identifier: "Value",
  description:
    "Number, text, boolean, object or array. Integers up to 2^63 and long decimals keep every digit that ThingsBoard stores: use a JSON parser that preserves them."
})

// oxlint-disable-next-line no-control-regex -- it matches NUL
const nonNumericText = /^(?!-?(?:\d+|\d*\.\d+)$)[^\u0000]*$/u

/**
 * A value to store. It is never null, never text that ThingsBoard would convert to a number, and has no NUL, which PostgreSQL cannot store.
 * This is one schema and not a union, because generated clients would read long integers through the union's float branch.
 */
export const ValueInput = Schema.Json.check(
  Schema.makeFilter((value: Schema.Json) => value !== null && (typeof value !== "string" || nonNumericText.test(value)), {
    message: "Expected a value that ThingsBoard stores unchanged",
    toJsonSchema: () => ({ not: { const: null }, pattern: nonNumericText.source })
  })
).annotate({
  identifier: "ValueInput",
  description:
    "Number, text, boolean, object or array; never null. Text that ThingsBoard would convert to a number, such as 007, is rejected unless `numeric_text=convert`. Integers up to 2^63 and long decimals are passed on with every digit."
})

/** Milliseconds, from a caller. Numbers that look like another unit are rejected: as milliseconds they would be another time. */
export const TimestampInput = Schema.Int.check(
  Schema.makeFilter((ts: number) => timestampIssue(ts) === undefined, {
    message: "Expected milliseconds since the Unix epoch",
    toJsonSchema: () => ({ minimum: 0, maximum: maxTimestamp, not: secondsRange })
  })
).annotate({
  description: "Milliseconds since the Unix epoch, until the year 9999. Numbers that look like seconds are rejected.",
  examples: [1_700_000_000_000]
})

/** The end of a range, which is exclusive: it can be one millisecond later, so that the last point can be read. */
export const RangeEnd = Schema.Int.check(
  Schema.makeFilter((ts: number) => ts === maxTimestamp + 1 || timestampIssue(ts) === undefined, {
    message: "Expected milliseconds since the Unix epoch",
    toJsonSchema: () => ({ minimum: 0, maximum: maxTimestamp + 1, not: secondsRange })
  })
)

/** A key to write: not blank, at most 255 characters, no markup and no NUL (contract of `KvUtils`: "key is malformed"). */
export const DataKeyInput = Schema.String.check(
  // oxlint-disable-next-line no-control-regex -- it matches NUL
  Schema.isPattern(/^(?![\s\S]*<[A-Za-z!/?])[^\u0000]*[^\s\uFEFF\u0000][^\u0000]*$/u),
  Schema.isMaxLength(255)
)

export const PointInput = Schema.Struct({ ts: TimestampInput, value: ValueInput }).annotate({
  identifier: "PointInput",
  description: "A value to store, with its time.",
  examples: [{ ts: 1_700_000_000_000, value: 21.5 }]
})

export const Point = Schema.Struct({ ts: Timestamp, value: Value }).annotate({
  identifier: "Point",
  description: "A value with its time.",
  examples: [{ ts: 1_700_000_000_000, value: 21.5 }]
})
export type Point = typeof Point.Type

/** Points by key. */
export const Series = Schema.Record(Schema.String, Schema.Array(Point)).annotate({
  identifier: "Series",
  description: "Points per key, in order of time.",
  examples: [{ temperature: [{ ts: 1_700_000_000_000, value: 21.5 }] }]
})

export const Aggregation = Schema.Literals(["NONE", "MIN", "MAX", "AVG", "SUM", "COUNT"]).annotate({
  identifier: "Aggregation",
  description: "Aggregation function for the points of a bucket. NONE returns the points themselves."
})
export type Aggregation = typeof Aggregation.Type

export const Order = Schema.Literals(["ASC", "DESC"]).annotate({ identifier: "Order", description: "Sort order." })
export type Order = typeof Order.Type

/** A half-open time range in ms: `start` is inclusive, `end` is exclusive. */
export interface TimeRange {
  readonly start: number
  readonly end: number
}
