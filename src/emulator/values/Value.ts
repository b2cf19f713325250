/**
 * A value of a time series or an attribute, as ThingsBoard types it: LONG is a bigint, DOUBLE a number, the others speak for themselves.
 * Whole doubles stay doubles: `5` in a number prints as "5.0".
 */
export type Value = bigint | number | boolean | string | JsonValue

/** A value of a series, with its time. Not `domain`'s point, which is what Boardwalk returns. */
export interface Point {
  /** ms */
  readonly ts: number
  readonly value: Value
}

/** An object or array, kept as the text that ThingsBoard would print: compact, members in the order given. */
export class JsonValue {
  constructor(readonly text: string) {}
}

/** What a SQLite column holds for a value. Booleans are blobs of one byte, JSON is a blob of its text; so text, numbers and they differ by type. */
export type Column = bigint | number | string | Uint8Array

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const toColumn = (value: Value): Column =>
  typeof value === "boolean" ? new Uint8Array([value ? 1 : 0]) : value instanceof JsonValue ? encoder.encode(value.text) : value

/** Of a column read with `safeIntegers`, where integers are bigints and reals numbers. */
export const fromColumn = (column: Column): Value => {
  if (!(column instanceof Uint8Array)) return column
  return column.length === 1 ? column[0] === 1 : new JsonValue(decoder.decode(column))
}

/** As Java's `Double.toString`: "21.5", "1.0E10", "1.0E-5". */
export const printDouble = (value: number): string => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"
  const size = Math.abs(value)
  if (size === 0) return Object.is(value, -0) ? "-0.0" : "0.0"
  if (size >= 1e-3 && size < 1e7) {
    const text = String(value)
    return text.includes(".") ? text : `${text}.0`
  }
  const [mantissa, exponent] = value.toExponential().split("e") as [string, string]
  return `${mantissa.includes(".") ? mantissa : `${mantissa}.0`}E${exponent.startsWith("+") ? exponent.slice(1) : exponent}`
}

/** The value as text, which is what answers without `useStrictDataTypes` and all live updates hold. */
export const printText = (value: Value): string => {
  if (typeof value === "number") return printDouble(value)
  return value instanceof JsonValue ? value.text : String(value)
}

/** The value as JSON. */
export const printJson = (value: Value): string => (typeof value === "string" ? JSON.stringify(value) : printText(value))
