/** What a CSV cell means, as a table: the token that is stored, "gap" for no value, or the beginning of the reason why the row is rejected. */
import { describe, expect, test } from "bun:test"
import { readCell } from "../../../src/services/ingest/cells.ts"
import type { ImportRules } from "../../../src/services/ingest/importRules.ts"

const outcome = (cell: string, rules: ImportRules, isText = false) => {
  const value = readCell(cell, isText, rules)
  return value === undefined ? "gap" : "token" in value ? value.token : value.issue
}

const strict: ImportRules = { convertNumericText: false }

/** Cells without quotes. */
const table: Readonly<Record<string, string>> = {
  "21.5": "21.5",
  "-0.10": "-0.10",
  "1e5": "1e5",
  "1E-3": "1E-3",
  "9223372036854775807": "9223372036854775807",
  " 7 ": "7",
  true: "true",
  FALSE: "false",
  ok: '"ok"',
  "12:30": '"12:30"',
  "2026-01-31": '"2026-01-31"',
  "1.2.3": '"1.2.3"',
  "0x1F": '"0x1F"',
  "50%": '"50%"',
  nano: '"nano"',
  "#5": '"#5"',
  "": "gap",
  "   ": "gap",
  "\t\u00a0": "gap",
  "+21.5": "Expected a number without a leading +; quote",
  "5.": "Expected digits on both sides of the decimal point; quote",
  ".5": "Expected digits on both sides of the decimal point, or numeric_text=convert",
  "-.5": "Expected digits on both sides",
  "00123": "Expected a number without leading zeros",
  "00123.9": "Expected a number without leading zeros",
  "1,5": "Expected a decimal point, or decimal=comma",
  "+0,5": "Expected a decimal point",
  ",5": "Expected a decimal point",
  "1,5E-3": "Expected a decimal point",
  "1.234,56": "Expected a number without thousands separators",
  "1'234.5": "Expected a number without thousands separators",
  "1 234": "Expected a number without thousands separators",
  "1,234,567": "Expected a number without thousands separators",
  "1e400": "Expected a number",
  ...Object.fromEntries(
    ["NaN", "nan", "NA", "N/A", "n/a", "#N/A", "#DIV/0!", "#NAME?", "#WERT!", "#NV", "###", "---", "-", "\u2014", "NaT", "<NA>"].map(
      (word) => [word, `Expected a value, not ${word}; leave the cell empty`]
    )
  ),
  ...Object.fromEntries(["null", "None", "Infinity", "-inf", "-1.#IND"].map((word) => [word, "Expected a value, not"]))
}

describe("a cell without quotes", () => {
  for (const [cell, expected] of Object.entries(table))
    test(JSON.stringify(cell), () => {
      expect(outcome(cell, strict)).toStartWith(expected)
    })
})

test("a cell in quotes is text, whatever it looks like, unless ThingsBoard would turn it into a number", () => {
  for (const cell of ["+21.5", "5.", "1,5", "NA", "#N/A", "---", "   ", "", "true"])
    expect(outcome(cell, strict, true)).toBe(JSON.stringify(cell))
  for (const cell of ["21.5", ".5", "007"]) expect(outcome(cell, strict, true)).toStartWith("Expected text that ThingsBoard does not turn")
})

test("decimal=comma reads decimals with a comma exactly, and none with a point", () => {
  const rules = { ...strict, decimalComma: true }
  const cells = { "21,50": "21.50", "-0,1": "-0.1", "1,5E-3": "1.5E-3", "7": "7", "12345678901234567,25": "12345678901234567.25" }
  for (const [cell, token] of Object.entries(cells)) expect(outcome(cell, rules)).toBe(token)
  expect(outcome("21.5", rules)).toStartWith("Expected a decimal comma")
  expect(outcome("1.234,5", rules)).toStartWith("Expected a number without thousands separators")
  expect(outcome(",5", rules)).toStartWith("Expected digits on both sides of the decimal comma")
  expect(outcome("+1,5", rules)).toStartWith("Expected a number without a leading +")
})

test("missing= and nan=gap say what is no value", () => {
  const rules = { ...strict, missing: new Set(["-999", "NA", "offline"]), nanIsGap: true }
  for (const cell of ["-999", " NA ", "offline", "NaN", "nan"]) expect(outcome(cell, rules)).toBe("gap")
  expect(outcome("offline", rules, true)).toBe("gap")
  expect(outcome("-999.0", rules)).toBe("-999.0")
  expect(outcome("N/A", rules)).toStartWith("Expected a value")
  expect(outcome("Infinity", rules)).toStartWith("Expected a value")
})

test("numeric_text=convert leaves text that ThingsBoard converts to it", () => {
  const rules = { convertNumericText: true }
  expect(outcome("007", rules)).toBe('"007"')
  expect(outcome(".5", rules)).toBe('".5"')
  expect(outcome("+21.5", rules)).toStartWith("Expected a number without a leading +")
})
