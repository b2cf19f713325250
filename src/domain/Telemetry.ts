/** Time series of a device: keys, points and the ranges people ask for. */
import { Schema } from "effect"

/** The latest time that JavaScript's `Date` can hold, in ms. */
export const maxTimestamp = 8_640_000_000_000_000

/** Milliseconds since the Unix epoch. */
export const Timestamp = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxTimestamp })).annotate({
  description: "Milliseconds since the Unix epoch.",
  examples: [1_700_000_000_000]
})

/**
 * Name of a time series or an attribute. ThingsBoard refuses blank keys, keys beyond 255 characters and keys with markup
 * (contract of `KvUtils`: "key is malformed"); before 4.3 it cannot read a key with a comma back.
 */
export const DataKey = Schema.String.check(
  Schema.makeFilter((key: string) => key.trim() !== "", {
    message: "Expected a key that is not blank",
    toJsonSchema: () => ({ pattern: "[^\\s\\uFEFF]" })
  }),
  Schema.isMaxLength(255, { message: "Expected a key of at most 255 characters" })
).annotate({ description: "Name of a time series or an attribute.", examples: ["temperature"] })
export type DataKey = typeof DataKey.Type

/** What a point can hold: a number, text, a boolean or any JSON. */
export const Value = Schema.Json.annotate({
  identifier: "Value",
  description:
    "Number, text, boolean, object or array. Integers up to 2^63 and long decimals are sent digit for digit as ThingsBoard holds them: use a JSON reader that keeps them."
})

// oxlint-disable-next-line no-control-regex -- NUL is what it looks for
const noNumericText = /^(?!-?(?:\d+|\d*\.\d+)$)[^\u0000]*$/u

/**
 * A value to be stored: never null, no text that ThingsBoard would turn into a number, and none with NUL, which PostgreSQL does not hold.
 * One schema without branches, since generated clients would squeeze long integers through a branch for floats.
 */
export const NewValue = Schema.Json.check(
  Schema.makeFilter((value: Schema.Json) => value !== null && (typeof value !== "string" || noNumericText.test(value)), {
    message: "Expected a value that ThingsBoard keeps as it is",
    toJsonSchema: () => ({ not: { const: null }, pattern: noNumericText.source })
  })
).annotate({
  identifier: "NewValue",
  description:
    "Number, text, boolean, object or array; never null. Text that ThingsBoard would turn into a number, such as 007, is refused unless `numeric_text=convert`. Integers up to 2^63 and long decimals are sent digit for digit."
})

/** `minimum <= ts < exclusiveMaximum` is a date from 1973 to 5138 in seconds, but one before March 1973 in milliseconds. */
export const secondsRange = { minimum: 100_000_000, exclusiveMaximum: 100_000_000_000 } as const

export const looksLikeSeconds = (ts: number): boolean => ts >= secondsRange.minimum && ts < secondsRange.exclusiveMaximum

/** Milliseconds. A number that looks like seconds is rejected, unless `ts_unit=s` declares seconds. */
export const NewTimestamp = Timestamp.check(
  Schema.makeFilter((ts: number) => !looksLikeSeconds(ts), {
    message: "Expected milliseconds, not seconds",
    toJsonSchema: () => ({ not: secondsRange })
  })
).annotate({ description: "Milliseconds since the Unix epoch. Numbers that look like seconds are refused.", examples: [1_700_000_000_000] })

/** A key to be written: not blank, at most 255 characters, no markup and no NUL (contract of `KvUtils`: "key is malformed"). */
export const NewDataKey = Schema.String.check(
  // oxlint-disable-next-line no-control-regex -- NUL is what it looks for
  Schema.isPattern(/^(?![\s\S]*<[A-Za-z!/?])[^\u0000]*[^\s\uFEFF\u0000][^\u0000]*$/u),
  Schema.isMaxLength(255)
)

export const NewPoint = Schema.Struct({ ts: NewTimestamp, value: NewValue }).annotate({
  identifier: "NewPoint",
  description: "A value at a time, to be stored.",
  examples: [{ ts: 1_700_000_000_000, value: 21.5 }]
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
