import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { type ExactValue, hasBigInt, parseExactly, stringifyExactly, toNearestNumbers } from "../../src/client/exactJson.ts"

test("an integer beyond 2^53 is a bigint, at any depth; every other number is a number", () => {
  const text =
    '{"a":9007199254740993,"b":[-9223372036854775808,{"c":9007199254740991}],"d":0.1000000000000000055,"e":1e300,"f":-0,"__proto__":[1]}'
  const parsed = parseExactly(text) as Record<string, ExactValue>
  expect(parsed).toMatchObject({
    a: 9007199254740993n,
    b: [-9223372036854775808n, { c: 9007199254740991 }],
    d: 0.1,
    e: 1e300,
    f: -0
  })
  expect(Object.getOwnPropertyDescriptor(parsed, "__proto__")?.value).toEqual([1])
})

test("digits in text are text", () => {
  expect(parseExactly('["9007199254740993", "\\"9007199254740993", "é\\u00e9", true, false, null, 9007199254740993]')).toEqual([
    "9007199254740993",
    '"9007199254740993',
    "éé",
    true,
    false,
    null,
    9007199254740993n
  ])
})

test("invalid JSON is a SyntaxError, with a long number and without", () => {
  for (const text of ["", "{", "[1,]", '{"a":9007199254740993', "9007199254740993 1", "[09007199254740993]", "-"])
    expect(() => parseExactly(text)).toThrow(SyntaxError)
})

test("apart from long integers JSON is read as by JSON.parse, also where a long number makes it slow", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(toNearestNumbers(parseExactly(text))).toEqual(JSON.parse(text))
      expect(toNearestNumbers(parseExactly(`[${text},9007199254740994]`))).toEqual([JSON.parse(text), 9007199254740994])
    })
  )
})

test("what is written is read as the same values", () => {
  const { value } = fc.letrec<{ value: ExactValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
      fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
      fc.maxSafeInteger(),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value")),
      fc.dictionary(fc.string(), tie("value"))
    )
  }))
  fc.assert(fc.property(value, (given) => expect(parseExactly(stringifyExactly(given))).toEqual(given)))
})

test("fields without a value are left out, as by JSON.stringify", () => {
  expect(stringifyExactly({ a: undefined, b: [undefined, 1n], c: null })).toBe('{"b":[null,1],"c":null}')
  expect(hasBigInt({ a: [{ b: 1 }, null], c: "1" })).toBe(false)
  expect(hasBigInt({ a: [{ b: 1n }] })).toBe(true)
})
