/** How the cells and times of a file are read. Uploads of JSON have only the rules for values. */
import type { ValueRules } from "../validation/values.ts"
import type { TimeReader } from "./localTimes.ts"

export interface ImportRules extends ValueRules {
  /** Reads the text or number of a time; milliseconds, or what is wrong with it. By default ISO 8601 with an offset, or a number in `tsUnit`. */
  readonly readTime?: TimeReader
  /** The field of NDJSON with the time. Default: `ts`. */
  readonly timeField?: string
  /** What the file writes where there is no value, besides an empty cell. */
  readonly missing?: ReadonlySet<string>
  /** Whether NaN means that there is no value. */
  readonly nanIsGap?: boolean
  /** Whether decimals are written with a comma. */
  readonly decimalComma?: boolean
}

/** How a CSV file names its columns. */
export interface CsvLayout {
  /** Lines before the header. */
  readonly skipLines?: number
  /** False if the file begins with data. */
  readonly hasHeader?: boolean
  /** Names of the columns, instead of those in the header. A column called `-` is ignored. */
  readonly columns?: ReadonlyArray<string>
  /** The column with the time, or those with its parts, which are joined with a space. Default: `ts`. */
  readonly timeColumns?: ReadonlyArray<string>
}
