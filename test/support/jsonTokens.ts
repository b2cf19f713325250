/** JSON as other programs may write it: values that JSON.parse would change, white space, fields in any order. */
import * as fc from "fast-check"

/** Values that ThingsBoard sends and that careless parsers break. */
export const hardTokens = [
  "9223372036854775807",
  "-9223372036854775808",
  "9007199254740993",
  "1.2345678912345679E8",
  "5.0",
  "-0.0",
  "1.10",
  `"0.${"0".repeat(299)}1"`,
  '"1.7976931348623157e308"',
  '"007"',
  '"\\uD83D\\uDCA1 lamp"',
  '"💡"',
  '""',
  '"a,b"',
  '"say \\"hi\\""',
  '"line\\r\\nline"',
  '"=1+1"',
  '"@SUM(A1)"',
  "true",
  "false",
  "null",
  '{"a": [1.10,\n 9007199254740993], "b": {}}',
  "[]"
] as const

const number = fc.oneof(
  fc.integer().map(String),
  fc.bigInt().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc
    .tuple(
      fc.constantFrom("", "-"),
      fc.constantFrom("0", "7", "9007199254740993"),
      fc.constantFrom("", ".0", ".12345678901234567", ".10"),
      fc.constantFrom("", "e-300", "E+5", "e7")
    )
    .map((parts) => parts.join(""))
)

const wellFormed = (text: string) => JSON.stringify(text.toWellFormed())

/** A JSON string. */
export const text = fc.oneof(
  fc.string({ unit: "binary" }).map(wellFormed),
  fc
    .string({ unit: fc.constantFrom('"', "\\", "}", "]", ",", "{", ":", "\n", "\r", "\t", "=", "-", "é", "💡", "\u2028", "\u0001") })
    .map(wellFormed),
  fc
    .string({ unit: fc.constantFrom('\\"', "\\\\", "\\/", "\\n", "\\u0041", "\\uD83D\\uDCA1", "\\b", ",", "x", "=") })
    .map((content) => `"${content}"`)
)

export const scalar = fc.oneof(number, text, fc.constantFrom(...hardTokens.slice(0, -2)), fc.constantFrom('"ts"', '"value"'))

export const whitespace = fc.string({ unit: fc.constantFrom(" ", "\n", "\r", "\t"), maxLength: 2 })
export const joinTokens = (separator: string, tokens: ReadonlyArray<string>, space: string) => tokens.join(space + separator + space)

/** Any JSON value, as text. */
export const value = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc
      .tuple(fc.array(tie("value"), { maxLength: 3 }), whitespace)
      .map(([items, space]) => `[${space}${joinTokens(",", items, space)}${space}]`),
    fc.tuple(fc.array(fc.tuple(text, tie("value")), { maxLength: 3 }), whitespace).map(
      ([fields, space]) =>
        `{${space}${joinTokens(
          ",",
          fields.map(([name, value]) => `${name}${space}:${space}${value}`),
          space
        )}${space}}`
    )
  )
})).value
