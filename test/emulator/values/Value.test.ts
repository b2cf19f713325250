import { expect, test } from "bun:test"
import { printDouble } from "../../../src/emulator/values/printDouble.ts"
import { fromColumn, JsonValue, printJson, printText, toColumn, type Value } from "../../../src/emulator/values/Value.ts"

const doubles: ReadonlyArray<readonly [value: number, text: string]> = [
  [0, "0.0"],
  [21.5, "21.5"],
  [-3, "-3.0"],
  [0.001, "0.001"],
  [0.0001, "1.0E-4"],
  [0.00012345, "1.2345E-4"],
  [9_999_999, "9999999.0"],
  [10_000_000, "1.0E7"],
  [123_456_789.125, "1.23456789125E8"],
  [1.7976931348623157e308, "1.7976931348623157E308"],
  [5e-324, "5.0E-324"]
]

test("doubles are printed as Java prints them", () => {
  expect(doubles.map(([value]) => printDouble(value))).toEqual(doubles.map(([, text]) => text))
})

const values: ReadonlyArray<Value> = [
  42n,
  2n ** 63n - 1n,
  5.25,
  true,
  false,
  "",
  "text",
  new JsonValue('{"b":1,"a":[2]}'),
  new JsonValue("[]")
]

test("values survive the conversion to a column and back", () => {
  expect(values.map((value) => fromColumn(toColumn(value)))).toEqual([...values])
})

test("strings have quotes as JSON and none as text", () => {
  expect(values.map(printText)).toEqual(["42", "9223372036854775807", "5.25", "true", "false", "", "text", '{"b":1,"a":[2]}', "[]"])
  expect(values.map(printJson)).toEqual(["42", "9223372036854775807", "5.25", "true", "false", '""', '"text"', '{"b":1,"a":[2]}', "[]"])
})
