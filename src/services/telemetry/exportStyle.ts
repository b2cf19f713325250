/** How the rows of an export are written: the layout, the dialect of CSV, and the time zone of the local times. */
import { Effect } from "effect"
import { type FieldError, InvalidInput } from "../../domain/Errors.ts"
import type { Format } from "../../domain/Format.ts"
import { clockOf, localTimeName, timeZoneIssue } from "../../domain/localClock.ts"
import { type FileStyle, type WideFormat, wideFormats } from "../../formats/FileWriter.ts"

export interface ExportStyleOptions {
  readonly layout?: "long" | "wide" | undefined
  readonly dialect?: "standard" | "excel" | undefined
  readonly timezone?: string | undefined
}

export interface ExportStyle {
  readonly file: FileStyle
  /** The format, if the file has one column per key. */
  readonly wide: WideFormat | undefined
}

/** Columns with a meaning of their own: an import would not read them as keys. In the lines of jsonl, keys are apart from them. */
const reserved: ReadonlySet<string> = new Set(["ts", localTimeName, "device_id", "device_name"])

/** What is wrong with the keys that become columns. */
export const columnIssue = (keys: ReadonlyArray<string>, wide: WideFormat | undefined): InvalidInput | undefined => {
  const names = wide === "csv" ? keys.map((key) => key.toLowerCase()) : []
  // Together they are the columns of a file with one row per point.
  const isLong = names.includes("key") && names.includes("value")
  return !isLong && !names.some((name) => reserved.has(name))
    ? undefined
    : new InvalidInput({
        errors: [
          {
            field: "layout",
            issue:
              "Expected no column that is called like ts, local_time, device_id or device_name, nor both key and value: use format=jsonl"
          }
        ]
      })
}

/** `hasKeys` says whether the columns of a wide file are known before the devices are read. */
export const parseExportStyle = (
  { dialect, layout, timezone }: ExportStyleOptions,
  format: Format,
  hasKeys: boolean
): Effect.Effect<ExportStyle, InvalidInput> =>
  Effect.suspend(() => {
    const errors: Array<FieldError> = []
    const clock = timezone === undefined ? undefined : clockOf(timezone)
    if (timezone !== undefined && clock === undefined) errors.push({ field: "timezone", issue: timeZoneIssue })
    const wide = layout === "wide" ? wideFormats.find((one) => one === format) : undefined
    if (layout === "wide" && wide === undefined)
      errors.push({ field: "layout", issue: `Expected long for ${format}: only csv and jsonl can be wide` })
    if (wide !== undefined && !hasKeys)
      errors.push({ field: "keys", issue: "Expected the keys that become columns, because of layout=wide" })
    if (dialect === "excel" && format !== "csv") errors.push({ field: "dialect", issue: "Expected only for csv" })
    if (errors.length > 0) return Effect.fail(new InvalidInput({ errors }))
    return Effect.succeed({ file: { spreadsheet: dialect === "excel", offsetAt: clock?.offsetAt }, wide })
  })
