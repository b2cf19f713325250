/** How an import reads a file that was not written for it. */
import { Schema } from "effect"
import { choice, CommaList, dryRun, ImportFormat, numericText, timeZone, tsUnit } from "./Parameters.ts"

const maxLines = 1_000_000_000

const Text = Schema.String.check(Schema.isBetweenLength(1, 255))

/**
 * Each value is taken as it is written: names may contain commas, and so may `-999,0`. There is no limit but that on the length of a URL,
 * which a list of the greatest length in the schema would exceed.
 */
const texts = (description: string, examples: ReadonlyArray<string>) =>
  Schema.optionalKey(
    Schema.Array(Text)
      .check(Schema.isMinLength(1))
      .annotate({ description, examples: [examples] })
  ).annotateKey({ explode: true })

const timeColumn = texts(
  "Name of the column, or the field of NDJSON, with the time. It can be repeated for a CSV file with the date and the time of day in two columns, which are joined with a space. Default: `ts`.",
  ["Timestamp"]
)

const timeFormat = Schema.optionalKey(
  Schema.String.check(Schema.isBetweenLength(1, 100)).annotate({
    description:
      "How times are written: `yyyy`, `yy`, `MM`, `M`, `MMM` (Jan), `dd`, `d`, `HH`, `H`, `hh`, `h`, `mm`, `ss`, `s`, `SSS` (fraction), `a` (AM or PM), `XXX` (offset); `YYYY` and `DD` are like `yyyy` and `dd`; letters other than `T` are in apostrophes. Default: ISO 8601, or a number in `ts_unit`.",
    examples: ["dd.MM.yyyy HH:mm:ss"]
  })
)

const repeatedTimes = choice(
  "RepeatedTimes",
  ["reject", "infer"],
  "What to do with times of `timezone` that its clocks show twice, in the hour when they go back: `reject` rejects the rows; `infer` decides by the rows before, for a file in order of time with one value per time, device and key."
)

const lines = (description: string) =>
  Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxLines })).annotate({ description }))

const header = choice("CsvHeader", ["present", "absent"], "Whether a CSV file has a header; without one, `columns` is required.")

const columns = Schema.optionalKey(
  CommaList(Text).annotate({
    description: "Names of the columns of a CSV file, in place of those in its header. A column called `-` is ignored.",
    examples: [["ts", "temperature", "-"]]
  })
)

const missing = texts("What the file writes where there is no value, besides an empty cell: exactly this text. Can be repeated.", [
  "-999",
  "NA"
])

const nan = choice(
  "NanCells",
  ["reject", "gap"],
  "What to do with NaN in a CSV cell or a field of NDJSON: `reject` rejects the row, `gap` means that there is no value."
)

const decimal = choice("DecimalSeparator", ["dot", "comma"], "How a CSV file writes decimals: `21.5` or `21,5`.")

export const importParameters = {
  format: Schema.optionalKey(ImportFormat),
  numeric_text: numericText,
  ts_unit: tsUnit,
  time_column: timeColumn,
  time_format: timeFormat,
  timezone: timeZone(
    "IANA time zone of times without an offset. Times that its clocks skip are rejected; `repeated_times` is about those that they show twice. Default: every time needs an offset."
  ),
  repeated_times: repeatedTimes,
  header,
  columns,
  skip_lines: lines("Lines before the header of a CSV file."),
  from_line: lines(
    "Reads only the rows from this line on, such as the `resume_line` of an earlier import. The header still counts and is read."
  ),
  missing,
  nan,
  decimal,
  dry_run: dryRun
}
