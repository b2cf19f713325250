/** Parameters that several endpoints share, with their limits and defaults. Handlers apply the defaults from this file. */
import { Schema, SchemaTransformation } from "effect"
import { formatNames } from "../domain/Format.ts"
import { DeviceId } from "../domain/Ids.ts"
import { Aggregation, DataKey, Order, RangeEnd, storableText, TimestampInput } from "../domain/Telemetry.ts"
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

/** One of several words, of which the first is the default. */
export const choice = <const Words extends readonly [string, ...ReadonlyArray<string>]>(
  identifier: string,
  words: Words,
  description: string
) => Schema.optionalKey(Schema.Literals(words).annotate({ identifier, description, default: words[0] as Words[number] }))

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
  Schema.String.check(Schema.isMaxLength(255), storableText("a text")).annotate({
    description: "Part of a name or label, case-insensitive. Every character stands for itself; there are no wildcards.",
    examples: ["thermo"]
  })
)

export const typeFilter = (entity: string) =>
  Schema.optionalKey(
    TypeName.annotate({
      description: `Name of the ${entity} type, as listed by \`GET ${entity}-types\`.`
    })
  )

/** The fields that lists can be sorted by. ThingsBoard responds with 500 to any other field. */
export const Sort = Schema.Literals(["created_time", "name", "type", "label"]).annotate({
  identifier: "SortField",
  description: "Field to sort by. Default: ThingsBoard's order, which is by id."
})
export const sort = Schema.optionalKey(Sort)
export const order = Schema.optionalKey(Order)

/** No entry of a comma-separated list is decoded to any other key; this tells users of the typed client, whose keys are encoded. */
const ListedKey = DataKey.check(
  Schema.makeFilter((key: string) => !key.includes(",") && key === key.trim(), {
    message: "Expected a key without commas and without blanks at its ends; name other keys in `key`"
  })
)

/** The keys to read; see `namedKeys`. */
export const keyParameters = {
  keys: Schema.optionalKey(
    CommaList(ListedKey).pipe(
      Schema.annotate({
        description: "Comma-separated list of keys. Default: the keys in `key`, or all keys.",
        examples: [["temperature", "humidity"]]
      })
    )
  ),
  key: Schema.optionalKey(
    Schema.Array(DataKey).annotate({
      description:
        "A key exactly as it is written, for keys with commas or with blanks at their ends. Can be repeated, and used together with `keys`. ThingsBoard before 4.3.1.1 cannot read the history of keys with commas.",
      examples: [["Phase 1, voltage"]]
    })
  ).annotateKey({ explode: true })
}

/** The keys that a query names in either parameter; undefined if it names none. */
export const namedKeys = ({
  key,
  keys
}: {
  readonly key?: ReadonlyArray<string> | undefined
  readonly keys?: ReadonlyArray<string> | undefined
}): ReadonlyArray<string> | undefined => (key === undefined ? keys : [...(keys ?? []), ...key])

export const startTs = TimestampInput.annotate({ description: "Start of the range in ms, inclusive." })
export const endTs = RangeEnd.annotate({
  description: "End of the range in ms, exclusive.",
  examples: [1_700_086_400_000]
})

/** Milliseconds from a second to a leap year (31622400000), or a number of units. */
const intervalPattern =
  /^([1-9]\d{3,9}|[12]\d{10}|30\d{9}|31[0-5]\d{8}|316[01]\d{7}|3162[01]\d{6}|31622[0-3]\d{5}|31622400000|[1-9]\d{0,3}(s|m|h|d|w|mo))$/u

/** A string in queries and bodies alike: generators turn a union of a number and a string into types that cannot be sent. */
export const Interval = Schema.String.check(
  Schema.isPattern(intervalPattern, {
    message: "Expected milliseconds (1000 to 31622400000) or a duration such as 1m, 15m, 1h, 1d, 1w, 1mo"
  })
).annotate({
  description:
    "Length of a bucket: milliseconds (1000 to 31622400000) or a duration such as 1m, 15m, 1h, 1d, 1w, 1mo. Buckets begin at times of `timezone`: 6h at 00, 06, 12 and 18, days at midnight, weeks on Mondays. When the clocks change, a bucket is longer or shorter.",
  examples: ["1h", "300000"]
})

export const timeZone = (description: string) =>
  Schema.optionalKey(Schema.String.check(Schema.isMaxLength(64)).annotate({ description, examples: ["Europe/Berlin"] }))

export const aggregation = {
  agg: Schema.optionalKey(Aggregation),
  interval: Schema.optionalKey(Interval),
  timezone: timeZone("IANA time zone in which the buckets begin. Default: UTC.")
}

export const Format = Schema.Literals(formatNames).annotate({ identifier: "Format", description: "Format of a file with telemetry." })

export const exportFormat = Schema.optionalKey(Format).annotateKey({
  description: "Format of the file. Default: the format that the `Accept` header prefers, otherwise csv."
})

export const exportTimeZone = timeZone(
  "IANA time zone in which buckets begin (default: UTC), and in which csv and jsonl files also have `local_time`, in ISO 8601, beside `ts`. Without it, there is no `local_time`."
)

/** How the rows of a file are written. */
export const exportStyle = {
  layout: choice(
    "FileLayout",
    ["long", "wide"],
    "`long` has one row per point. `wide` has one row per time and one column per key, for csv and jsonl; the keys must be named in exports of several devices."
  ),
  dialect: choice(
    "CsvDialect",
    ["standard", "excel"],
    "`standard` is RFC 4180. `excel` is what Excel reads where decimals have a comma: a byte order mark, semicolons, decimal commas. Only for csv."
  )
}

/** The formats of files to import. */
export const ImportFormat = Schema.Literals(["csv", "jsonl"]).annotate({
  identifier: "ImportFormat",
  description: "Format of the body. Default: the format that `Content-Type` names, otherwise csv."
})

export const numericText = choice(
  "NumericText",
  ["refuse", "convert"],
  "What to do with text that ThingsBoard would convert to a number, such as 007: `refuse` rejects it, `convert` lets ThingsBoard convert it."
)

export const tsUnit = Schema.optionalKey(
  Schema.Literals(["s", "ms", "us", "ns"]).annotate({
    identifier: "TimestampUnit",
    description:
      "Unit of numeric timestamps in the file: seconds, milliseconds, microseconds or nanoseconds. Digits beyond milliseconds are cut off.",
    default: "ms"
  })
)

export const dryRun = Schema.optionalKey(
  Schema.Boolean.annotate({
    description: "Only validate the file: report which rows would be accepted and rejected, and store nothing.",
    default: false
  })
)
