import { expect, test } from "bun:test"
import { alignColumns, joinCells } from "../../src/cli/result.ts"

test("rows are printed in aligned columns on a terminal, and without padding elsewhere", () => {
  const rows = [
    ["one", "active", "温度", "", "until 2028"],
    ["three", "expired", "Three", "", ""]
  ]
  expect(alignColumns(rows)).toEqual(["one    active   温度   until 2028", "three  expired  Three"])
  expect(joinCells(rows)).toEqual(["one  active  温度  until 2028", "three  expired  Three"])
})
