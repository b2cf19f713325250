import { parseJackson, printJacksonTree } from "./Json.ts"
import { printDouble } from "./printDouble.ts"

/**
 * A value of a time series or attribute with ThingsBoard's type: LONG is a bigint, DOUBLE a number, BOOLEAN a boolean, STRING a string,
 * JSON a `JsonValue`. Whole doubles stay doubles: the number 5 prints as "5.0".
 */
export type Value = bigint | number | boolean | string | JsonValue

/** A value of a time series with its time, as the emulator stores it; `domain` has the point that Boardwalk returns. */
export interface Point {
  /** ms */
  readonly ts: number
  readonly value: Value
}

/** An object or array, kept as the text that ThingsBoard would print: compact, fields in the given order. */
export class JsonValue {
  constructor(readonly text: string) {}
}

/** A value in a SQLite column. Booleans are blobs of one byte and JSON is a blob of its text, so that SQLite's types tell all five apart. */
export type Column = bigint | number | string | Uint8Array

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const toColumn = (value: Value): Column =>
  typeof value === "boolean" ? new Uint8Array([value ? 1 : 0]) : value instanceof JsonValue ? encoder.encode(value.text) : value

/** For columns read with `safeIntegers`: integers are bigints, reals are numbers. */
export const fromColumn = (column: Column): Value => {
  if (!(column instanceof Uint8Array)) return column
  return column.length === 1 ? column[0] === 1 : new JsonValue(decoder.decode(column))
}

/** The value as text, as in responses without `useStrictDataTypes` and in all WebSocket updates. */
export const printText = (value: Value): string => {
  if (typeof value === "number") return printDouble(value)
  return value instanceof JsonValue ? value.text : String(value)
}

/** The value as JSON. An object or array is parsed by Jackson first, which changes its numbers. */
export const printJson = (value: Value): string => {
  if (typeof value === "string") return JSON.stringify(value)
  return value instanceof JsonValue ? printJacksonTree(parseJackson(value.text)) : printText(value)
}
