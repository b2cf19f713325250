/** What is accepted inside objects and arrays comes back as it was written. The emulator's reading is checked against recordings. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { never, runAtOnce } from "../../../src/domain/Steps.ts"
import { parseGson, printTree } from "../../../src/emulator/values/Json.ts"
import { JsonValue, printJson } from "../../../src/emulator/values/Value.ts"
import { checkLargeToken, checkToken, type CheckedValue } from "../../../src/services/validation/values.ts"
import { parseExact, printExact } from "../../contract/support/Exact.ts"

const rules = { convertNumericText: false }

/** Both ways to check a value: whole, and in steps. */
const check = (token: string): CheckedValue => {
  const bytes = Buffer.from(token)
  const inSteps = runAtOnce(checkLargeToken(bytes, 0, bytes.length, rules, never))
  const whole = checkToken(token, rules)
  expect([token, inSteps]).toEqual([token, whole])
  return whole
}

const double = { issue: "Expected numbers that a double can hold, also inside an object or array" }
const surrogate = { issue: "Expected text without lone surrogates, also inside an object or array" }
const tooLong = { issue: "Expected numbers of at most 1000 characters inside an object or array" }

test("numbers and text that ThingsBoard would change are rejected or called rounded", () => {
  const cases: Record<string, CheckedValue | "kept" | "rounded"> = {
    '{"a":1e400}': double,
    '[[{"a":[-1e400]}]]': double,
    '{"a":"1e400"}': "kept",
    '{"a":1e308}': "kept",
    '{"a":9007199254740993,"b":123456789012345678901234567890}': "kept",
    '{"a":0.1234567890123456789}': "rounded",
    '{"a":0.1,"b":1.50,"c":0.0,"d":-0.0e999}': "kept",
    "[1e-400]": "rounded",
    "[4.94e-324]": "rounded",
    [`[${"9".repeat(1001)}]`]: tooLong,
    [`[${"9".repeat(1000)}]`]: "kept",
    '["\\ud800"]': surrogate,
    '{"\\uDC00":1}': surrogate,
    '["\\ud83d\\ude00"]': "kept",
    '["\\ude00\\ud83d"]': surrogate,
    '["\\\\ud800"]': "kept",
    '["\\\\\\ud800"]': surrogate,
    '[true,false,null,"",{}]': "kept"
  }
  for (const [token, expected] of Object.entries(cases)) {
    const result = expected === "kept" || expected === "rounded" ? { token, rounded: expected === "rounded" } : expected
    expect([token, check(token)]).toEqual([token, result])
  }
})

const numbers = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.bigInt({ min: 0n, max: 10n ** 24n }),
    fc.stringMatching(/^(\.\d{1,20})?$/),
    fc.integer({ min: -420, max: 420 })
  )
  .map(([sign, whole, decimals, exponent]) => `${sign}${whole}${decimals}${exponent % 3 === 0 ? `e${exponent}` : ""}`)

const texts = fc
  .array(fc.constantFrom("a", "\\ud800", "\\udc00", "\\\\", "1e400", "é"), { maxLength: 4 })
  .map((parts) => `"${parts.join("")}"`)

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    numbers,
    texts,
    fc.array(tie("value"), { maxLength: 3 }).map((elements) => `[${elements.join(",")}]`),
    tie("value").map((inner) => `{"x":${inner}}`)
  )
}))

/** Numbers as doubles, unless they are integers: JSON.parse would round both sides alike. */
const normalize = (json: string): string =>
  printExact(parseExact(json)).replaceAll(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (number) =>
    /[.eE]/.test(number) ? String(Number(number)) : number
  )

test("what is accepted and not called rounded is read back unchanged", () => {
  fc.assert(
    fc.property(
      value.map((inner) => `[${inner}]`),
      (token) => {
        const checked = check(token)
        if ("issue" in checked) return
        const read = printJson(new JsonValue(printTree(parseGson(checked.token))))
        if (!checked.rounded) expect(normalize(read)).toBe(normalize(token))
        expect(read).not.toContain("Infinity")
      }
    )
  )
})
