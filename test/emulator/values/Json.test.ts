import { expect, test } from "bun:test"
import { parseGson, parseJackson, printTree } from "../../../src/emulator/values/Json.ts"

const lenient: ReadonlyArray<readonly [text: string, read: string]> = [
  ["{loose:1}", '{"loose":1}'],
  ["{'a':'b'}", '{"a":"b"}'],
  ["{a=1;b=>2}", '{"a":1,"b":2}'],
  ["[1,,2,]", "[1,null,2,null]"],
  ["/* c */ [NaN, Infinity, word] // end", '["NaN","Infinity","word"]'],
  ["[TRUE, Null]", "[true,null]"],
  ["[007, 1.2.3]", '["007","1.2.3"]'],
  ["", "null"]
]

for (const [text, read] of lenient) test(`Gson reads ${text} as ${read}`, () => expect(printTree(parseGson(text))).toBe(read))

test("numbers keep every digit and their notation", () => {
  const text = '{"a":9007199254740993,"b":1.50,"c":1e400,"d":-0.0}'
  expect(printTree(parseJackson(text))).toBe(text)
})

test("escape sequences and Unicode are parsed", () => expect(parseJackson(String.raw`"\u00e9\n\"\\ \ud83d\ude00 é"`)).toBe('é\n"\\ 😀 é'))

const invalid = ["{bad", "{loose:1}", "[1,]", "'a'", "nul", "01", "1 2", '"\u0001"', String.raw`"\x"`, "[", '{"a"}', ""]

for (const text of invalid) test(`Jackson rejects ${JSON.stringify(text)}`, () => expect(() => parseJackson(text)).toThrow())

test("JSON with 1000 levels is parsed, with 1001 it is rejected before the stack overflows", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth)
  expect(printTree(parseJackson(nested(1000)))).toBe(nested(1000))
  for (const parse of [parseJackson, parseGson]) expect(() => parse(nested(1001))).toThrow("exceeds the maximum allowed (1000)")
  expect(() => parseGson("[".repeat(1_000_000))).toThrow("nesting depth")
})

test("the parsers report the position and the reason", () => {
  expect(() => parseJackson("{bad")).toThrow("Unexpected character ('b' (code 98)): was expecting double-quote to start field name")
  expect(() => parseGson("{bad")).toThrow("End of input at line 1 column 5 path $.bad")
})
