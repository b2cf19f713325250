import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { encodeLikeJava, ilike } from "../../../src/emulator/values/postgres.ts"

test("ILIKE has wildcards and an escape, and ignores case", () => {
  const cases: ReadonlyArray<readonly [pattern: string, text: string, isMatch: boolean]> = [
    ["%sensor_1%", "Sensor-1", true],
    ["%sensor\\_1%", "sensor-1", false],
    ["%sensor\\_1%", "sensor_1", true],
    ["%LINE1\\TEMP%", "PLANT\\LINE1\\TEMP", false],
    ["%LINE1\\\\TEMP%", "PLANT\\LINE1\\TEMP", true],
    ["100\\%", "100%", true],
    ["100\\%", "1000", false],
    ["%a%b", "xaybzb", true],
    ["%a%b", "xaybz", false],
    ["_", "😀", true],
    ["", "", true],
    ["", "a", false]
  ]
  for (const [pattern, text, isMatch] of cases) expect([pattern, text, ilike(pattern)(text)]).toEqual([pattern, text, isMatch])
})

test("ILIKE matches like a regular expression, for any pattern", () => {
  const piece = fc.constantFrom("a", "b", "%", "_", "\\%", "\\_")
  const expressions: Record<string, string> = { "%": ".*", _: ".", "\\%": "%", "\\_": "_" }
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.string({ unit: fc.constantFrom("a", "b", "%", "_"), maxLength: 10 }),
      (pieces, text) => {
        const expected = new RegExp(`^${pieces.map((one) => expressions[one] ?? one).join("")}$`).test(text)
        expect([pieces, text, ilike(pieces.join(""))(text)]).toEqual([pieces, text, expected])
      }
    )
  )
})

test("a pattern with many wildcards takes no time", () => {
  expect(ilike(`${"%a".repeat(200)}%b`)("a".repeat(5000))).toBe(false)
})

test("half of a surrogate pair becomes a question mark, and nothing else does", () => {
  expect(encodeLikeJava("a\uD800b😀\uDC00\uD800\uD83D\uDE00")).toBe("a?b😀??😀")
})
