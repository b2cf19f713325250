/** Turns the parameters that describe a file into rules for reading it, and reports all that is wrong with them at once. */
import { Effect } from "effect"
import { type FieldError, InvalidInput } from "../../domain/Errors.ts"
import { clockOf, timeZoneIssue } from "../../domain/localClock.ts"
import { isKnownCharset } from "./decodeFile.ts"
import type { CsvLayout, ImportRules } from "./importRules.ts"
import type { RowOptions } from "./importRows.ts"
import { type RepeatedTimes, toInstant } from "./localTimes.ts"
import { makeLocalIsoReader, makeTimeReader } from "./timeFormat.ts"
import { parseNumericTimestamp, type TimestampUnit } from "./timestamps.ts"

/** The parameters of an import, as requests name them. */
export interface FileQuery {
  readonly ts_unit?: TimestampUnit
  readonly time_column?: ReadonlyArray<string>
  readonly time_format?: string
  readonly timezone?: string
  readonly repeated_times?: RepeatedTimes
  readonly header?: "present" | "absent"
  readonly columns?: ReadonlyArray<string>
  readonly skip_lines?: number
  readonly from_line?: number
  readonly missing?: ReadonlyArray<string>
  readonly nan?: "reject" | "gap"
  readonly decimal?: "dot" | "comma"
}

export interface FileRules extends Pick<RowOptions, "charset" | "fromLine" | "layout"> {
  readonly rules: Pick<ImportRules, "decimalComma" | "missing" | "nanIsGap" | "readTime" | "timeField" | "tsUnit">
}

const onlyForCsv = ["header", "columns", "skip_lines", "decimal"] as const

const makeReadTime = ({ repeated_times, time_format, timezone, ts_unit }: FileQuery, fail: (field: string, issue: string) => undefined) => {
  if (repeated_times !== undefined && timezone === undefined) fail("query.repeated_times", "Expected only with timezone")
  const clock = timezone === undefined ? undefined : clockOf(timezone)
  if (timezone !== undefined && clock === undefined) return fail("query.timezone", timeZoneIssue)
  const read = clock === undefined ? undefined : toInstant(clock, timezone!, repeated_times)
  if (time_format === undefined)
    return read === undefined ? undefined : makeLocalIsoReader(read, (text) => parseNumericTimestamp(text, ts_unit))
  if (ts_unit !== undefined) fail("query.ts_unit", "Expected only one of ts_unit and time_format")
  const reader = makeTimeReader(time_format, read)
  return "issue" in reader ? fail("query.time_format", reader.issue) : reader
}

const layoutOf = ({ columns, header, skip_lines, time_column }: FileQuery): CsvLayout => ({
  hasHeader: header !== "absent",
  ...(columns === undefined ? {} : { columns }),
  ...(skip_lines === undefined ? {} : { skipLines: skip_lines }),
  ...(time_column === undefined ? {} : { timeColumns: time_column })
})

/** `charset` is the encoding that the `Content-Type` names. */
export const parseFileQuery = (
  query: FileQuery,
  format: RowOptions["format"],
  charset: string | undefined
): Effect.Effect<FileRules, InvalidInput> =>
  Effect.suspend(() => {
    const errors: Array<FieldError> = []
    const fail = (field: string, issue: string): undefined => void errors.push({ field, issue })
    if (charset !== undefined && !isKnownCharset(charset))
      fail("header.content-type", "Expected the name of a character encoding, such as charset=windows-1252")
    if (format === "ndjson") {
      for (const name of onlyForCsv) if (query[name] !== undefined) fail(`query.${name}`, "Expected only for a CSV file")
      if ((query.time_column?.length ?? 0) > 1) fail("query.time_column", "Expected one field for NDJSON")
    }
    if (query.header === "absent" && query.columns === undefined)
      fail("query.columns", "Expected the names of the columns, because of header=absent")
    const readTime = makeReadTime(query, fail)
    if (errors.length > 0) return Effect.fail(new InvalidInput({ errors }))
    return Effect.succeed({
      layout: layoutOf(query),
      ...(charset === undefined ? {} : { charset }),
      ...(query.from_line === undefined ? {} : { fromLine: query.from_line }),
      rules: {
        tsUnit: query.ts_unit ?? "ms",
        nanIsGap: query.nan === "gap",
        decimalComma: query.decimal === "comma",
        ...(query.missing === undefined ? {} : { missing: new Set(query.missing) }),
        ...(readTime === undefined ? {} : { readTime }),
        ...(query.time_column === undefined ? {} : { timeField: query.time_column[0]! })
      }
    })
  })
