/** Parameters that several endpoints share, with their limits and defaults. Handlers apply the defaults from this file. */
import { Schema, SchemaTransformation } from "effect"
import { formatNames } from "../domain/Format.ts"
import { DeviceId } from "../domain/Ids.ts"
import { Aggregation, DataKey, Order, Timestamp } from "../domain/Telemetry.ts"
import { TypeName } from "../domain/TypeName.ts"

export const defaults = { page: 0, pageSize: 100, maxDepth: 2, nodeLimit: 500, queryLimit: 100 } as const

const OneOrMoreTexts = Schema.Union([Schema.String, Schema.Array(Schema.String)])

/** The entries of a comma-separated parameter, which may be repeated. */
export const splitCommaList = (given: string | ReadonlyArray<string>): ReadonlyArray<string> =>
  (typeof given === "string" ? [given] : given).flatMap((text) => text.split(",").map((part) => part.trim()))

/**
 * A comma-separated list (`x=a,b`); the repeated parameter `x=a&x=b` is equivalent. Blanks around an entry are ignored, and an empty entry
 * is invalid.
 */
export const CommaList = <S extends Schema.Constraint & { readonly Encoded: string }>(entry: S) =>
  OneOrMoreTexts.pipe(
    Schema.decodeTo(
      Schema.Array(entry),
      SchemaTransformation.transform({
        decode: splitCommaList,
        encode: (parts: ReadonlyArray<string>): string | ReadonlyArray<string> => parts.join(",")
      })
    )
  )

export const deviceParams = { device_id: DeviceId }

export const page = Schema.optionalKey(
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })).annotate({
    description: "Index of the page, from 0.",
    default: defaults.page
  })
)

export const pageSize = Schema.optionalKey(
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })).annotate({
    description: "Items per page.",
    default: defaults.pageSize
  })
)

export const textSearch = Schema.optionalKey(
  Schema.String.check(Schema.isMaxLength(255)).annotate({ description: "Part of a name or label, case-insensitive.", examples: ["thermo"] })
)

export const typeFilter = (entity: string) =>
  Schema.optionalKey(
    TypeName.annotate({
      description: `Name of the ${entity} type, as listed by \`GET ${entity}-types\`.`
    })
  )

/** The fields that lists can be sorted by. ThingsBoard responds with 500 to any other field. */
export const Sort = Schema.Literals(["created_time", "name", "type", "label"]).annotate({
  description: "Field to sort by. Default: ThingsBoard's order, which is by id."
})
export const sort = Schema.optionalKey(Sort)
export const order = Schema.optionalKey(Order)

export const keys = Schema.optionalKey(
  CommaList(DataKey).pipe(
    Schema.annotate({ description: "Comma-separated list of keys. Default: all keys.", examples: [["temperature", "humidity"]] })
  )
)

export const startTs = Timestamp.annotate({ description: "Start of the range in ms, inclusive." })
export const endTs = Timestamp.annotate({
  description: "End of the range in ms, exclusive.",
  examples: [1_700_086_400_000]
})

export const Interval = Schema.Union([
  Schema.Int.check(Schema.isBetween({ minimum: 1000, maximum: 31_622_400_000 })),
  Schema.String.check(
    Schema.isPattern(/^[1-9]\d{0,3}(s|m|h|d|w|mo)$/u, {
      message: "Expected milliseconds or a duration such as 1m, 15m, 1h, 1d, 1w, 1mo"
    })
  )
]).annotate({
  description:
    "Length of a bucket: milliseconds (at least 1000) or a duration such as 1m, 15m, 1h, 1d, 1w, 1mo. Days, weeks and months are calendar units in `timezone`.",
  examples: ["1h", 300_000]
})

export const aggregation = {
  agg: Schema.optionalKey(Aggregation),
  interval: Schema.optionalKey(Interval),
  timezone: Schema.optionalKey(
    Schema.String.check(Schema.isMaxLength(64)).annotate({
      description: "IANA time zone of calendar buckets. Default: UTC.",
      examples: ["Europe/Berlin"]
    })
  )
}

export const Format = Schema.Literals(formatNames).annotate({
  identifier: "Format",
  description: "Response format; defaults to the `Accept` header."
})

export const numericText = Schema.optionalKey(
  Schema.Literals(["refuse", "convert"]).annotate({
    description:
      "What to do with text that ThingsBoard would convert to a number, such as 007: `refuse` rejects it, `convert` lets ThingsBoard convert it.",
    default: "refuse"
  })
)

export const tsUnit = Schema.optionalKey(
  Schema.Literals(["ms", "s"]).annotate({ description: "Unit of numeric timestamps in CSV and NDJSON bodies.", default: "ms" })
)

export const dryRun = Schema.optionalKey(
  Schema.Boolean.annotate({
    description: "Only validate a CSV or NDJSON body: report which rows would be accepted and rejected, and store nothing.",
    default: false
  })
)
