/** Parameters that several endpoints share, with their bounds. Defaults are documented here and applied by the handlers from here. */
import { Schema, SchemaTransformation } from "effect"
import { formatNames } from "../domain/Format.ts"
import { DeviceId } from "../domain/Ids.ts"
import { Aggregation, DataKey, Order, Timestamp } from "../domain/Telemetry.ts"

export const defaults = { page: 0, pageSize: 100, maxDepth: 2, nodeLimit: 500, queryLimit: 100 } as const

const Texts = Schema.Union([Schema.String, Schema.Array(Schema.String)])

/** A comma list: `a,b,c`; a repeated parameter (`x=a&x=b`) says the same. Blanks around an entry do not count. An empty entry is a fault. */
export const CommaList = <S extends Schema.Constraint & { readonly Encoded: string }>(entry: S) =>
  Texts.pipe(
    Schema.decodeTo(
      Schema.Array(entry),
      SchemaTransformation.transform({
        decode: (given: string | ReadonlyArray<string>): ReadonlyArray<string> =>
          (typeof given === "string" ? [given] : given).flatMap((text) => text.split(",").map((part) => part.trim())),
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
    description: "Elements a page.",
    default: defaults.pageSize
  })
)

export const textSearch = Schema.optionalKey(
  Schema.String.check(Schema.isMaxLength(255)).annotate({ description: "Part of a name or label, in any case.", examples: ["thermo"] })
)

export const typeFilter = (what: string) =>
  Schema.optionalKey(
    Schema.String.check(Schema.isBetweenLength(1, 255)).annotate({ description: `Name of a ${what} type; see \`GET ${what}-types\`.` })
  )

/** What lists can be sorted by: with any other property ThingsBoard answers 500. */
export const Sort = Schema.Literals(["created_time", "name", "type", "label"]).annotate({
  description: "What to sort by. ThingsBoard's own order (by id) when there is none."
})
export const sort = Schema.optionalKey(Sort)
export const order = Schema.optionalKey(Order)

export const keys = Schema.optionalKey(
  CommaList(DataKey).pipe(
    Schema.annotate({ description: "Comma list of keys. All keys when there is none.", examples: [["temperature", "humidity"]] })
  )
)

export const startTs = Timestamp.annotate({ description: "Begin of the range, ms. A point at this time is in it." })
export const endTs = Timestamp.annotate({
  description: "End of the range, ms. A point at this time is not in it.",
  examples: [1_700_086_400_000]
})

export const Interval = Schema.Union([
  Schema.Int.check(Schema.isBetween({ minimum: 1000, maximum: 31_622_400_000 })),
  Schema.String.check(
    Schema.isPattern(/^[1-9]\d{0,3}(s|m|h|d|w|mo)$/u, {
      message: "Expected milliseconds or a length such as 1m, 15m, 1h, 1d, 1w, 1mo"
    })
  )
]).annotate({
  description:
    "Length of a bucket: milliseconds (1000 or more), or 1m, 15m, 1h, 1d, 1w, 1mo. Days, weeks and months follow the calendar of `timezone`.",
  examples: ["1h", 300_000]
})

export const aggregation = {
  agg: Schema.optionalKey(Aggregation),
  interval: Schema.optionalKey(Interval),
  timezone: Schema.optionalKey(
    Schema.String.check(Schema.isMaxLength(64)).annotate({
      description: "IANA time zone of calendar buckets; UTC when there is none.",
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
    description: "Text that ThingsBoard would turn into a number (such as 007): refuse it, or let it be converted.",
    default: "refuse"
  })
)

export const tsUnit = Schema.optionalKey(
  Schema.Literals(["ms", "s"]).annotate({ description: "Unit of numeric times in CSV and NDJSON bodies.", default: "ms" })
)

export const dryRun = Schema.optionalKey(
  Schema.Boolean.annotate({
    description: "Only check a CSV or NDJSON body: say what would be taken and refused, store nothing.",
    default: false
  })
)
